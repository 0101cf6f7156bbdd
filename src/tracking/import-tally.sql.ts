import { sql } from 'kysely'
import type { Int64 } from '#kernel/int64.ts'
import { afterSql, orderSql, type OrderTerm } from '#search'
import type { Db } from '#storage'
import { pointFacts } from './import-tally.ts'
import type { TrackingTables } from './tables.ts'
import { createTally, type Tally } from './tally.ts'

const pageRows = 20_000
const columns = ['span', 'key', 'timestamp', 'step', 'value', 'is_nan'] as const

/** Counts all points of a run, page by page along the primary key. */
export async function tallyPoints(db: Db, run: string): Promise<Tally> {
  const tables = db.withTables<TrackingTables>()
  const tally = createTally()
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
      .where('run', '=', tables.selectFrom('tracking_run').select('seq').where('tracking_run.id', '=', run))
      .orderBy(orderSql(terms))
      .limit(pageRows)
    if (after) query = query.where(afterSql(terms, after))
    const rows = await query.execute()
    for (const { name, step, timestamp, value, is_nan } of rows) {
      tally.add(pointFacts({ key: name, step, timestamp, value: is_nan === 1 ? Number.NaN : value }))
    }
    const last = rows.length === pageRows ? rows.at(-1) : undefined
    after = last && columns.map(name => last[name])
  } while (after)
  return tally.value()
}
