import type { ExpressionBuilder, Kysely, Transaction } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { sqlSealedColumn, type SealedColumn, type Vault } from '#secrets'
import { inside, type Db } from '#storage'
import type { TriggerRow, WorkflowTables } from './tables.ts'
import type { Tick, Trigger, TriggerDraft, TriggerKey, TriggerMove, TriggerStore } from './trigger-store.ts'

/** What deliveries to webhooks are signed with, as the vault keeps it. */
export const triggerSecrets = (db: Db, vault: Pick<Vault, 'seal'>): SealedColumn =>
  sqlSealedColumn<TriggerRow>(db, vault, {
    table: 'workflow_trigger',
    key: ['project', 'pipeline', 'name'],
    placeOf,
  })

/** What a secret is sealed for: it opens in no other trigger and no other project. */
const placeOf = ({ project, pipeline, name }: TriggerKey): Parameters<Vault['seal']>[1] => ({
  project,
  name: `trigger/${pipeline}/${name}`,
})

export function triggerStore(db: Kysely<WorkflowTables>, vault: Pick<Vault, 'seal' | 'open'>): TriggerStore {
  const all = () => db.selectFrom('workflow_trigger').selectAll()
  return {
    async setTriggers(tx, project, triggers) {
      const own = inside<WorkflowTables>(tx)
      const there = await own.selectFrom('workflow_trigger').selectAll().where('project', '=', project).execute()
      const declared = new Set(triggers.map(nameOf))
      for (const row of there.filter(stored => !declared.has(nameOf(stored)))) await remove(own, row)
      const known = new Map(there.map(row => [nameOf(row), row]))
      for (const trigger of triggers) await put(own, trigger, known.get(nameOf(trigger)))
    },

    async triggers(project) {
      const rows = await all().where('project', '=', project).orderBy('pipeline').orderBy('name').execute()
      return rows.map(fromRow)
    },

    async findTrigger(key) {
      const row = await all().where(isTrigger(key)).executeTakeFirst()
      return row && fromRow(row)
    },

    async listening(project, listens) {
      const rows = await all()
        .where('project', '=', project)
        .where('listens', 'in', listens)
        .where('paused_at', 'is', null)
        .orderBy('pipeline')
        .orderBy('name')
        .execute()
      return rows.map(fromRow)
    },

    async dueTriggers(now, limit) {
      return (await all().where('next_at', '<=', now).orderBy('next_at').limit(limit).execute()).map(fromRow)
    },

    async nextTriggerAt() {
      const { next } = await db
        .selectFrom('workflow_trigger')
        .select(({ fn }) => fn.min<number | null>('next_at').as('next'))
        .where('next_at', 'is not', null)
        .executeTakeFirstOrThrow()
      return next ?? undefined
    },

    async moveTrigger(tx, trigger, move) {
      const { numUpdatedRows } = await inside<WorkflowTables>(tx)
        .updateTable('workflow_trigger')
        .set(eb => ({ ...moved(move), turn: eb('turn', '+', 1) }))
        .where(isTrigger(trigger))
        .where('turn', '=', trigger.turn)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async noteTick(tx, key, tick) {
      const own = inside<WorkflowTables>(tx)
      await own
        .insertInto('workflow_trigger_tick')
        .values({ ...keyOf(key), tick: tick.key, ...tickRow(tick) })
        .onConflict(conflict => conflict.columns(['project', 'pipeline', 'name', 'tick']).doUpdateSet(tickRow(tick)))
        .execute()
      const { at, run, skipped, error } = tickRow(tick)
      await own
        .updateTable('workflow_trigger')
        .set({ last_at: at, last_run: run, last_skipped: skipped, last_error: error })
        .where(isTrigger(key))
        .execute()
    },

    async findTick(key, tick) {
      const row = await db
        .selectFrom('workflow_trigger_tick')
        .selectAll()
        .where(isTrigger(key))
        .where('tick', '=', tick)
        .executeTakeFirst()
      return row && tickFromRow(row)
    },

    async ticks(key, { limit, after }) {
      let query = db
        .selectFrom('workflow_trigger_tick')
        .selectAll()
        .where(isTrigger(key))
        .orderBy('at', 'desc')
        .orderBy('tick', 'desc')
        .limit(limit + 1)
      const [at, ...tick] = after?.split('/') ?? []
      if (after !== undefined)
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('at', 'tick'), '<', tuple(Number(at), tick.join('/'))),
        )
      return toPage((await query.execute()).map(tickFromRow), limit, row => `${row.at}/${row.key}`)
    },

    async dropTicks(before, limit) {
      const old = await db
        .selectFrom('workflow_trigger_tick')
        .select(['project', 'pipeline', 'name', 'tick'])
        .where('at', '<', before)
        .limit(limit)
        .execute()
      for (const row of old)
        await db.deleteFrom('workflow_trigger_tick').where(isTrigger(row)).where('tick', '=', row.tick).execute()
    },

    async setSecret(key, secret) {
      const { numUpdatedRows } = await db
        .updateTable('workflow_trigger')
        .set({ secret: null, sealed: await vault.seal(secret, placeOf(key)) })
        .where(isTrigger(key))
        .where('hook', 'is not', null)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async findHook(id) {
      const row = await all().where('hook', '=', id).executeTakeFirst()
      if (!row) return undefined
      // A server of before it was sealed may still run beside this one, and set another.
      const secret = row.secret ?? (row.sealed === null ? undefined : await vault.open(row.sealed, placeOf(row)))
      return { trigger: fromRow(row), secret }
    },
  }
}

type Keyed = 'workflow_trigger' | 'workflow_trigger_tick'

const isTrigger =
  ({ project, pipeline, name }: TriggerKey) =>
  (eb: ExpressionBuilder<WorkflowTables, Keyed>) =>
    eb.and({ project, pipeline, name })

const keyOf = ({ project, pipeline, name }: TriggerKey): TriggerKey => ({ project, pipeline, name })

const nameOf = ({ pipeline, name }: TriggerKey): string => JSON.stringify([pipeline, name])

const remove = async (tx: Transaction<WorkflowTables>, key: TriggerKey): Promise<void> =>
  void (await tx.deleteFrom('workflow_trigger').where(isTrigger(key)).execute())

async function put(tx: Transaction<WorkflowTables>, draft: TriggerDraft, there: TriggerRow | undefined): Promise<void> {
  const spec = JSON.stringify(draft.spec)
  if (there?.spec === spec) return
  const isPaused = there !== undefined && there.paused_at !== null
  const fresh = {
    spec,
    listens: draft.listens ?? null,
    next_at: isPaused ? null : (draft.nextAt ?? null),
    pending: null,
  }
  const hook = draft.hook === undefined ? null : (there?.hook ?? draft.hook)
  if (there) {
    await tx
      .updateTable('workflow_trigger')
      .set(eb => ({ ...fresh, hook, turn: eb('turn', '+', 1) }))
      .where(isTrigger(draft))
      .execute()
    return
  }
  await tx
    .insertInto('workflow_trigger')
    .values({
      ...keyOf(draft),
      ...fresh,
      hook,
      secret: null,
      sealed: null,
      seen_seq: 0,
      paused_at: null,
      paused_by: null,
      turn: 0,
      last_at: null,
      last_run: null,
      last_skipped: null,
      last_error: null,
    })
    .execute()
}

const moved = ({ nextAt, pending, seenSeq, paused }: TriggerMove): Partial<TriggerRow> => ({
  ...(nextAt !== undefined && { next_at: nextAt }),
  ...(pending !== undefined && { pending: pending && JSON.stringify(pending) }),
  ...(seenSeq !== undefined && { seen_seq: seenSeq }),
  ...(paused !== undefined && { paused_at: paused?.at ?? null, paused_by: paused?.by ?? null }),
})

type Outcome = Pick<WorkflowTables['workflow_trigger_tick'], 'at' | 'run' | 'skipped' | 'error'>

const tickRow = ({ at, run, skipped, error }: Tick): Outcome => ({
  at,
  run: run ?? null,
  skipped: skipped ?? null,
  error: error ?? null,
})

const tickFromRow = ({ tick, at, run, skipped, error }: WorkflowTables['workflow_trigger_tick']): Tick => ({
  key: tick,
  ...outcomeOf({ at, run, skipped, error }),
})

const outcomeOf = ({ at, run, skipped, error }: Outcome): Omit<Tick, 'key'> => ({
  at,
  ...(run !== null && { run }),
  ...(skipped !== null && { skipped }),
  ...(error !== null && { error }),
})

const fromRow = (row: TriggerRow): Trigger => ({
  ...keyOf(row),
  spec: JSON.parse(row.spec),
  nextAt: row.next_at ?? undefined,
  pending: row.pending === null ? undefined : JSON.parse(row.pending),
  seenSeq: row.seen_seq,
  paused: row.paused_at === null ? undefined : { at: row.paused_at, by: row.paused_by ?? '' },
  hook: row.hook ?? undefined,
  hasSecret: row.secret !== null || row.sealed !== null,
  last:
    row.last_at === null
      ? undefined
      : outcomeOf({ at: row.last_at, run: row.last_run, skipped: row.last_skipped, error: row.last_error }),
  turn: row.turn,
})
