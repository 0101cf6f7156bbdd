import { sql } from 'kysely'
import type { Int64 } from '#kernel/int64.ts'
import { afterSql, orderSql, type OrderTerm } from '#search'
import { engineOf, type Db } from '#storage'
import type { HistoryRow } from './chunk-read.sql.ts'
import { readPoints } from './history-store.sql.ts'
import { pointFacts } from './import-tally.ts'
import type { TrackingTables } from './tables.ts'
import { createTally, type Tally } from './tally.ts'

const pageRows = 20_000
const columns = ['span', 'key', 'timestamp', 'step', 'value', 'is_nan'] as const

/** Counts all points of a run, page by page: metrics that are rows along the primary key, those with chunks one by one. */
export async function tallyPoints(db: Db, id: string): Promise<Tally> {
  const tally = createTally()
  const add = (key: string, { step, timestamp, value, is_nan }: HistoryRow): void =>
    tally.add(pointFacts({ key, step, timestamp, value: is_nan === 1 ? Number.NaN : value }))
  const tables = db.withTables<TrackingTables>()
  const row = await tables.selectFrom('tracking_run').select('seq').where('id', '=', id).executeTakeFirst()
  if (!row) return tally.value()
  const chunked = await chunkedKeys(db, row.seq)
  for await (const point of looseOf(db, row.seq)) if (!chunked.has(point.key)) add(point.name, point)
  for (const [key, name] of chunked) {
    const read = (last?: HistoryRow): Promise<readonly HistoryRow[]> =>
      readPoints(tables, { run: row.seq, key }, { from: last?.timestamp ?? 0, last, most: pageRows })
    for (let page = await read(); page.length > 0; page = await read(page.at(-1)))
      for (const point of page) add(name, point)
  }
  return tally.value()
}

async function chunkedKeys(db: Db, run: number): Promise<ReadonlyMap<number, string>> {
  if (engineOf(db) === 'sqlite') return new Map()
  const { rows } = await sql<{ id: number; name: string }>`
    select id, name from tracking_key where id in (select key from tracking_chunk where run = ${run})`.execute(db)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

async function* looseOf(db: Db, run: number): AsyncGenerator<HistoryRow & { key: number; name: string }> {
  const tables = db.withTables<TrackingTables>()
  const terms: readonly OrderTerm[] = columns.map(name => ({
    column: sql.ref(`tracking_point.${name}`),
    descending: false,
    type: 'number',
  }))
  let after: readonly Int64[] | undefined
  do {
    let query = tables
      .selectFrom('tracking_point')
      .innerJoin('tracking_key', 'tracking_key.id', 'tracking_point.key')
      .select(['span', 'key', 'step', 'timestamp', 'value', 'is_nan', 'tracking_key.name'])
      .where('run', '=', run)
      .orderBy(orderSql(terms))
      .limit(pageRows)
    if (after) query = query.where(afterSql(terms, after))
    const rows = await query.execute()
    yield* rows
    const last = rows.length === pageRows ? rows.at(-1) : undefined
    after = last && columns.map(name => last[name])
  } while (after)
}
