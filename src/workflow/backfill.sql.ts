import { sql, type Kysely, type Selectable } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside } from '#storage'
import type { Backfill } from './backfill.ts'
import type { BackfillStore } from './backfill-store.ts'
import type { Run, RunId, RunState } from './run.ts'
import type { WorkflowTables } from './tables.ts'

export function backfillStore(db: Kysely<WorkflowTables>): BackfillStore {
  const all = () => db.selectFrom('workflow_backfill').selectAll()
  return {
    async insertBackfill(tx, backfill) {
      await inside<WorkflowTables>(tx).insertInto('workflow_backfill').values(toRow(backfill)).execute()
    },

    async findBackfill(project, id) {
      const row = await all().where('project', '=', project).where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async backfills(project, { limit, after }) {
      const rows = await all()
        .where('project', '=', project)
        .$if(after !== undefined, query => query.where('id', '<', after!))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute()
      return toPage(rows.map(fromRow), limit, ({ id }) => id)
    },

    async openBackfills(limit) {
      return (await all().where('ended_at', 'is', null).orderBy('id').limit(limit).execute()).map(fromRow)
    },

    async backfillRuns(id) {
      const rows = await db
        .selectFrom('workflow_run')
        .select('state')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('backfill', '=', id)
        .groupBy('state')
        .execute()
      return Object.fromEntries(rows.map(({ state, count }) => [state as RunState, count]))
    },

    async openBackfillRuns(tx, id) {
      const rows = await inside<WorkflowTables>(tx)
        .selectFrom('workflow_run')
        .select('id')
        .where('backfill', '=', id)
        .where('ended_at', 'is', null)
        .orderBy('id')
        .execute()
      return rows.map(row => row.id as RunId)
    },

    async moveBackfill(tx, { id, turn }, { next, looked = 0, kept = 0, endedAt, error, cancelled }) {
      const { numUpdatedRows } = await inside<WorkflowTables>(tx)
        .updateTable('workflow_backfill')
        .set(eb => ({
          turn: eb('turn', '+', 1),
          looked: eb('looked', '+', looked),
          kept: eb('kept', '+', kept),
          ...(next !== undefined && { next_at: next }),
          ...(endedAt !== undefined && { ended_at: endedAt }),
          ...(error !== undefined && { error }),
          ...(cancelled && { cancelled_at: cancelled.at, cancelled_by: cancelled.by }),
        }))
        .where('id', '=', id)
        .where('turn', '=', turn)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },

    async runOfKey(tx, project, key) {
      const row = await inside<WorkflowTables>(tx)
        .selectFrom('workflow_run')
        .select(['id', 'state'])
        .where('project', '=', project)
        .where('run_key', '=', key)
        .executeTakeFirst()
      return row as Pick<Run, 'id' | 'state'> | undefined
    },

    async freeKey(tx, run) {
      await inside<WorkflowTables>(tx)
        .updateTable('workflow_run')
        .set({ run_key: sql<string>`run_key || '/' || id` })
        .where('id', '=', run)
        .execute()
    },
  }
}

type Row = Selectable<WorkflowTables['workflow_backfill']>

const toRow = (backfill: Backfill): Row => ({
  id: backfill.id,
  project: backfill.project,
  pipeline: backfill.pipeline,
  trigger_name: backfill.trigger,
  rhythm: JSON.stringify(backfill.rhythm),
  from_at: backfill.from,
  to_at: backfill.to,
  total: backfill.total,
  again: backfill.again,
  in_order: backfill.order,
  concurrency: backfill.concurrency,
  actor: backfill.actor,
  created_at: backfill.createdAt,
  ended_at: backfill.endedAt ?? null,
  error: backfill.error ?? null,
  cancelled_at: backfill.cancelled?.at ?? null,
  cancelled_by: backfill.cancelled?.by ?? null,
  next_at: backfill.next ?? null,
  looked: backfill.looked,
  kept: backfill.kept,
  turn: backfill.turn,
})

const fromRow = (row: Row): Backfill => ({
  id: row.id as Backfill['id'],
  project: row.project,
  pipeline: row.pipeline,
  trigger: row.trigger_name,
  rhythm: JSON.parse(row.rhythm),
  from: row.from_at,
  to: row.to_at,
  total: row.total,
  again: row.again as Backfill['again'],
  order: row.in_order as Backfill['order'],
  concurrency: row.concurrency,
  actor: row.actor,
  createdAt: row.created_at,
  endedAt: row.ended_at ?? undefined,
  cancelled: row.cancelled_at === null ? undefined : { at: row.cancelled_at, by: row.cancelled_by ?? '' },
  error: row.error ?? undefined,
  next: row.next_at ?? undefined,
  looked: row.looked,
  kept: row.kept,
  turn: row.turn,
})
