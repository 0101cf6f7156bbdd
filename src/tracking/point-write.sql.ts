import type { Int64 } from '#kernel/int64.ts'
import { runRows, type RowStatement } from '#storage'
import type { Write } from './log-write.sql.ts'
import { pointBatch } from './point-batch.ts'
import { spanOf } from './tables.ts'

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
  const blocked = ends.filter(({ last }) => runs.get(last.run)!.has_blocks === 1)
  await runRows(
    tx,
    endedBlocks,
    blocked.flatMap(({ last, from, to }) => [last.run, last.key, from, to]),
  )
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

/**
 * Blocks of metrics `ends` (run, key, low, high) to whose time, both included, points have come: they no longer tell the
 * truth. Blocks follow each other, so that none before the one that holds `low` needs to be looked at.
 */
export const isEnded = `
  b.run = ends.run and b.key = ends.key and b.from_at <= ends.high and b.to_at > ends.low
  and b.from_at >= coalesce((select max(c.from_at) from tracking_block as c
    where c.run = ends.run and c.key = ends.key and c.from_at <= ends.low), ends.low)`

const endedBlocks: RowStatement = {
  head: 'with ends (run, key, low, high) as (',
  types: ['bigint', 'bigint', 'bigint', 'bigint'],
  tail: `) delete from tracking_block where (run, key, from_at) in (
           select b.run, b.key, b.from_at from ends cross join tracking_block as b where ${isEnded})`,
}
