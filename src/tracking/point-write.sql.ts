import { sql } from 'kysely'
import type { Int64 } from '#kernel/int64.ts'
import { inside, runRows, type AnyTx, type RowStatement } from '#storage'
import type { Write } from './log-store.sql.ts'
import { pointBatch, type SeriesEnd } from './point-batch.ts'
import { spanOf, type TrackingTables } from './tables.ts'

/** Adds points and moves on the latest of their metrics; all writers lock them in the same order. */
export async function putPoints({ tx, accepted, numbers }: Write): Promise<void> {
  const entries = accepted.map(({ row, points }) => ({ run: row.seq, points }))
  const { points, ends } = pointBatch(entries, numbers)
  if (points.length === 0) return
  const runs = new Map(accepted.map(({ row }) => [row.seq, row]))
  const rows: Int64[] = []
  for (const { run, key, step, timestamp, value, isNan } of points)
    rows.push(run, spanOf(timestamp), key, timestamp, step, value, isNan)
  const latest: Int64[] = []
  for (const { last } of ends) {
    const { experiment, started_at } = runs.get(last.run)!
    latest.push(last.run, last.key, last.step, last.timestamp, last.value, last.isNan, experiment, started_at)
  }
  await runRows(tx, newPoints, rows)
  await runRows(tx, newLatest, latest)
  for (const end of ends) if (runs.get(end.last.run)!.has_blocks === 1) await endBlocks(tx, end)
}

const newPoints: RowStatement = {
  head: 'insert into tracking_point (run, span, key, timestamp, step, value, is_nan)',
  types: ['bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'double precision', 'bigint'],
  tail: 'on conflict do nothing',
}
const newLatest: RowStatement = {
  head: 'insert into tracking_latest (run, key, step, timestamp, value, is_nan, experiment, started_at)',
  types: ['bigint', 'bigint', 'bigint', 'bigint', 'double precision', 'bigint', 'bigint', 'bigint'],
  tail: `on conflict (run, key) do update
         set step = excluded.step, timestamp = excluded.timestamp, value = excluded.value, is_nan = excluded.is_nan
         where (excluded.step, excluded.timestamp, excluded.value)
             > (tracking_latest.step, tracking_latest.timestamp, tracking_latest.value)`,
}

/** A block that a new point belongs to no longer tells the truth. */
async function endBlocks(tx: AnyTx, { last: { run, key }, from, to }: SeriesEnd): Promise<void> {
  await sql`delete from tracking_block
            where run = ${run} and key = ${key} and from_at <= ${to} and to_at > ${from}`.execute(
    inside<TrackingTables>(tx),
  )
}
