import { sql, type Insertable, type Kysely, type Selectable } from 'kysely'
import type { Page } from '#kernel/page.ts'
import { afterSql, cursorsOf, orderedPage, orderSql, placesSql, type Places } from '#search'
import { inside, type AnyTx, type Db } from '#storage'
import { chunks } from './chunks.ts'
import { assessmentsSql } from './assessment.sql.ts'
import { spansSql } from './span.sql.ts'
import type { LabelKind, TraceQuery, TraceRow, TraceStore } from './store.ts'
import type { TraceTables } from './tables.ts'
import { headCharacters, traceFilter, traceOrder } from './trace-search.sql.ts'
import type { Trace } from './trace.ts'
import type { Labels } from './label.ts'
import { measureTraces } from './trace-metric.sql.ts'

/** Rows of one statement: SQLite takes 32,766 parameters. */
const rowsMax = 1_000

type Row = Selectable<TraceTables['trace']>

/** Traces in SQL, one text for SQLite and PostgreSQL. */
export function sqlTraceStore(db: Db): TraceStore {
  const tables = db.withTables<TraceTables>()
  const assessments = assessmentsSql(tables)
  const spans = spansSql(tables)

  /** Traces with their labels and assessments: three statements, however many there are. */
  async function whole(rows: readonly Row[]): Promise<readonly Trace[]> {
    if (rows.length === 0) return []
    const ids = rows.map(row => row.id)
    const labels = await tables
      .selectFrom('trace_label')
      .select(['trace_id', 'kind', 'key', 'value'])
      .where('trace_id', 'in', ids)
      .orderBy('key')
      .execute()
    const byTrace = Map.groupBy(labels, label => label.trace_id)
    const said = await assessments.of(ids)
    return rows.map(row => {
      const { finished: _, ...trace } = fromRow(row)
      const own = byTrace.get(row.id) ?? []
      const ofKind = (kind: LabelKind): Labels =>
        Object.fromEntries(own.flatMap(label => (label.kind === kind ? [[label.key, label.value]] : [])))
      return { ...trace, metadata: ofKind('metadata'), tags: ofKind('tag'), assessments: said.get(row.id) ?? [] }
    })
  }

  const findMany = async (ids: readonly string[]): Promise<readonly Trace[]> => {
    if (ids.length === 0) return []
    const rows = await tables.selectFrom('trace').selectAll().where('id', 'in', unique(ids)).execute()
    const byId = new Map((await whole(rows)).map(trace => [trace.id, trace]))
    return unique(ids).flatMap(id => byId.get(id) ?? [])
  }

  return {
    ...assessments.store,
    ...spans,
    transaction: work => db.transaction().execute(work),
    hold,
    put,
    label,

    async unlabel(id, kind, key) {
      const { numDeletedRows } = await tables
        .deleteFrom('trace_label')
        .where('trace_id', '=', id)
        .where('kind', '=', kind)
        .where('key', '=', key)
        .executeTakeFirst()
      return numDeletedRows > 0n
    },

    find: async id => (await findMany([id]))[0],
    findMany,

    async experimentsOf(ids) {
      if (ids.length === 0) return new Map()
      const rows = await tables
        .selectFrom('trace')
        .select(['id', 'experiment_id'])
        .where('id', 'in', unique(ids))
        .execute()
      return new Map(rows.map(row => [row.id, row.experiment_id]))
    },

    async search(query) {
      const { items, ...rest } = await searchRows(tables, query)
      return { items: await whole(items), ...rest }
    },

    async count(experiments, filters) {
      if (experiments.length === 0) return { first: 0, second: 0, joint: 0, total: 0 }
      const first = (await traceFilter(tables, filters.first)) ?? sql`1 = 1`
      const second = (await traceFilter(tables, filters.second)) ?? sql`1 = 1`
      const base = (await traceFilter(tables, filters.base)) ?? sql`1 = 1`
      const { rows } = await sql<{ total: number; first: number | null; second: number | null; joint: number | null }>`
        select count(*) as total, sum(a) as first, sum(b) as second, sum(a * b) as joint from (
          select case when ${first} then 1 else 0 end as a, case when ${second} then 1 else 0 end as b
          from trace where trace.experiment_id in (${sql.join(experiments)}) and ${base}) as counted`.execute(tables)
      const { total, first: a, second: b, joint } = rows[0]!
      return { total: Number(total), first: Number(a ?? 0), second: Number(b ?? 0), joint: Number(joint ?? 0) }
    },

    measure: query => measureTraces(tables, query),

    async remove(experiment, doomed) {
      const base = tables.selectFrom('trace').select('id').where('experiment_id', '=', experiment)
      const chosen =
        'ids' in doomed
          ? base.where('id', 'in', [...doomed.ids])
          : base
              .where('requested_at', '<=', doomed.until)
              .orderBy('requested_at')
              .orderBy('id')
              .limit(doomed.limit ?? Number.MAX_SAFE_INTEGER)
      const { numDeletedRows } = await tables.deleteFrom('trace').where('id', 'in', chosen).executeTakeFirst()
      return Number(numDeletedRows)
    },

    async linkRun(ids, run) {
      const rows = tables
        .selectFrom('trace')
        .select(['id as trace_id', sql<string>`cast(${run} as text)`.as('run_id')])
        .where('id', 'in', unique(ids))
      await tables
        .insertInto('trace_run')
        .columns(['trace_id', 'run_id'])
        .expression(rows)
        .onConflict(conflict => conflict.doNothing())
        .execute()
    },

    async linkPrompts(id, prompts) {
      if (prompts.length === 0) return
      const values = prompts.map(prompt => ({ trace_id: id, ...prompt }))
      await tables
        .insertInto('trace_prompt')
        .values(values)
        .onConflict(conflict => conflict.doNothing())
        .execute()
    },
  }
}

const unique = (ids: readonly string[]): string[] => [...new Set(ids)]

async function hold(tx: AnyTx, drafts: readonly TraceRow[]): Promise<readonly { row: TraceRow; added: boolean }[]> {
  const own = inside<TraceTables>(tx)
  const held = new Map<string, { row: TraceRow; added: boolean }>()
  // In the order of their ids: two writers of the same traces never wait for one another in a circle.
  const sorted = drafts.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  for (const some of chunks(sorted, rowsMax)) {
    const added = await own
      .insertInto('trace')
      .values(some.map(toRow))
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('id')
      .execute()
    const fresh = new Set(added.map(row => row.id))
    // An update of nothing: the lock that both engines have, taken in the order of the values.
    const rows = await own
      .insertInto('trace')
      .values(some.map(toRow))
      .onConflict(conflict => conflict.column('id').doUpdateSet(eb => ({ state: eb.ref('trace.state') })))
      .returningAll()
      .execute()
    for (const row of rows) held.set(row.id, { row: fromRow(row), added: fresh.has(row.id) })
  }
  return drafts.map(draft => held.get(draft.id)!)
}

async function put(tx: AnyTx, rows: readonly TraceRow[]): Promise<void> {
  for (const some of chunks(rows, rowsMax))
    await inside<TraceTables>(tx)
      .insertInto('trace')
      .values(some.map(toRow))
      .onConflict(conflict =>
        conflict.column('id').doUpdateSet(eb => ({
          client_request_id: eb.ref('excluded.client_request_id'),
          request_preview: eb.ref('excluded.request_preview'),
          response_preview: eb.ref('excluded.response_preview'),
          requested_at: eb.ref('excluded.requested_at'),
          duration_ms: eb.ref('excluded.duration_ms'),
          state: eb.ref('excluded.state'),
          finished: eb.ref('excluded.finished'),
        })),
      )
      .execute()
}

async function label(
  tx: AnyTx,
  kind: LabelKind,
  labelled: readonly { id: string; labels: Labels }[],
  keep = false,
): Promise<void> {
  const rows: Insertable<TraceTables['trace_label']>[] = labelled.flatMap(({ id, labels }) =>
    Object.entries(labels).map(([key, value]) => ({
      trace_id: id,
      kind,
      key,
      value,
      head: value.slice(0, headCharacters).toWellFormed(),
    })),
  )
  for (const some of chunks(rows, rowsMax))
    await inside<TraceTables>(tx)
      .insertInto('trace_label')
      .values(some)
      .onConflict(conflict =>
        keep
          ? conflict.doNothing()
          : conflict
              .columns(['trace_id', 'kind', 'key'])
              .doUpdateSet(eb => ({ value: eb.ref('excluded.value'), head: eb.ref('excluded.head') })),
      )
      .execute()
}

async function searchRows(
  tables: Kysely<TraceTables>,
  { experiments, filter, order, limit, after }: TraceQuery,
): Promise<Page<Row>> {
  if (experiments.length === 0) return { items: [] }
  const terms = traceOrder(order)
  const cursors = cursorsOf({ filter, order })
  const where = [sql`trace.experiment_id in (${sql.join(experiments)})`]
  const said = await traceFilter(tables, filter)
  if (said) where.push(sql`${said}`)
  if (after !== undefined) where.push(sql`${afterSql(terms, cursors.decode(after, terms.length))}`)
  const { rows } = await sql<Row & Places>`
    select trace.*, ${placesSql(terms)} from trace where ${sql.join(where, sql` and `)}
    order by ${orderSql(terms)} limit ${limit + 1}`.execute(tables)
  return orderedPage(rows, limit, { terms, cursors })
}

const toRow = (trace: TraceRow): Row => ({
  id: trace.id,
  experiment_id: trace.experimentId,
  client_request_id: trace.clientRequestId ?? null,
  request_preview: trace.requestPreview ?? null,
  response_preview: trace.responsePreview ?? null,
  requested_at: trace.requestedAt,
  duration_ms: trace.durationMs ?? null,
  state: trace.state,
  finished: trace.finished ? 1 : 0,
})

const fromRow = (row: Row): TraceRow => ({
  id: row.id,
  experimentId: row.experiment_id,
  ...(row.client_request_id === null ? {} : { clientRequestId: row.client_request_id }),
  ...(row.request_preview === null ? {} : { requestPreview: row.request_preview }),
  ...(row.response_preview === null ? {} : { responsePreview: row.response_preview }),
  requestedAt: row.requested_at as TraceRow['requestedAt'],
  ...(row.duration_ms === null ? {} : { durationMs: row.duration_ms }),
  state: row.state as TraceRow['state'],
  finished: row.finished === 1,
})
