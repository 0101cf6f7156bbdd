import { CompiledQuery } from 'kysely'
import { bigintArray, doubleArray, prepared, type Db } from '#storage'
import { parted, type Chunk } from './chunk.ts'
import { pointBatch, type PointRow } from './point-batch.ts'
import { isEnded } from './point-write.sql.ts'
import type { RunEntry } from './store.ts'

/** What became of the runs that points were sent to. */
export interface PointRun {
  readonly id: string
  readonly lifecycle: string
}

/**
 * Adds points on PostgreSQL in one statement, which is its own transaction: the way there and back costs as much as
 * the writing. It locks in the order of all writers, by run and metric. Gives the runs that are there.
 *
 * Points of one metric that are some go in chunks, the others as rows. These first as if none were there: to ask of each
 * costs a third more. Where one was sent before, nothing is written, and the statement that asks follows.
 */
export async function appendPoints(
  db: Db,
  entries: readonly RunEntry[],
  numbers: ReadonlyMap<string, number>,
): Promise<readonly PointRun[]> {
  const runs = [...new Set(entries.map(entry => entry.run))]
  const places = new Map(runs.map((run, place) => [run, place]))
  const placed = entries.map(({ run, points }) => ({ run: places.get(run)!, points }))
  const { points, ends } = pointBatch(placed, numbers)
  const { loose, chunked, chunks } = parted(points)
  const last = ends.map(end => end.last)
  const parameters = [
    runs,
    ...columnsOf(loose),
    ...columnsOf(last),
    bigintArray(ends.map(({ from }) => from)),
    bigintArray(ends.map(({ to }) => to)),
    ...columnsOf(chunked).slice(2),
    ...boundsOf(chunks),
  ]
  const append = async (text: string): Promise<readonly PointRun[]> => {
    for (;;) {
      const { rows } = await db.executeQuery<PointRun & { is_all: boolean }>(CompiledQuery.raw(text, parameters))
      if (rows.every(row => row.is_all)) return rows
    }
  }
  try {
    return await append(newPoints)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === uniqueViolation)) throw error
    return append(anyPoints)
  }
}

const uniqueViolation = '23505'

/** A NaN is one here, and a zero with a flag in the tables. */
const columnsOf = (rows: readonly PointRow[]): readonly Buffer[] => [
  bigintArray(rows.map(row => row.run)),
  bigintArray(rows.map(row => row.key)),
  bigintArray(rows.map(row => row.timestamp)),
  bigintArray(rows.map(row => row.step)),
  doubleArray(rows.map(row => (row.isNan === 1 ? Number.NaN : row.value))),
]

const stored = `case when value = 'NaN' then 0 else value end, case when value = 'NaN' then 1 else 0 end`

const boundsOf = (chunks: readonly Chunk[]): readonly Buffer[] => [
  bigintArray(chunks.map(({ first }) => first.run)),
  bigintArray(chunks.map(({ first }) => first.key)),
  bigintArray(chunks.map(({ fromAt }) => fromAt)),
  bigintArray(chunks.map(({ toAt }) => toAt)),
  bigintArray(chunks.map(({ first }) => first.step)),
  bigintArray(chunks.map(({ last }) => last.step)),
  bigintArray(chunks.map(({ begin }) => begin)),
  bigintArray(chunks.map(({ end }) => end)),
]

/**
 * The span is that of `spanOf`. What was written to a run while this waited for its lock is not seen by the statement: it
 * might leave blocks that do not have its points. Then nothing is written, and it says that not all was seen.
 */
const statement = (conflict: string): string => `
  with wanted as (select id, ordinality - 1 as place from unnest($1::text[]) with ordinality as ids (id, ordinality)),
  known as (select seq, xmin from tracking_run where id = any($1::text[])),
  locked as (
    select r.seq, r.id, r.experiment, r.started_at, r.lifecycle, r.has_blocks, r.xmin, w.place
    from tracking_run as r join wanted as w on w.id = r.id order by r.seq for key share of r),
  seen as (select not exists (select from locked join known using (seq) where locked.xmin <> known.xmin) as is_all),
  held as materialized (select locked.* from locked cross join seen where seen.is_all),
  kept as (
    insert into tracking_point (run, span, key, timestamp, step, value, is_nan)
    select h.seq, p.timestamp >> 10, key, timestamp, step, ${stored}
    from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::double precision[])
      with ordinality as p (place, key, timestamp, step, value, ordinality)
    join held as h on h.place = p.place
    where h.lifecycle = 'active'
    order by h.seq, p.ordinality
    ${conflict}),
  packed as (
    insert into tracking_chunk (run, key, from_at, to_at, from_step, to_step, timestamps, steps, values)
    select h.seq, key, from_at, to_at, from_step, to_step, ($14::bigint[])[first:last], ($15::bigint[])[first:last],
      ($16::double precision[])[first:last]
    from unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[],
      $23::bigint[], $24::bigint[]) as c (place, key, from_at, to_at, from_step, to_step, first, last)
    join held as h on h.place = c.place
    where h.lifecycle = 'active'),
  ends as materialized (
    select h.seq as run, h.experiment, h.started_at, h.has_blocks, p.*
    from unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::double precision[], $12::bigint[],
      $13::bigint[]) as p (place, key, timestamp, step, value, low, high)
    join held as h on h.place = p.place
    where h.lifecycle = 'active'
    order by h.seq, p.key),
  moved as (
    insert into tracking_latest (run, key, timestamp, step, value, is_nan, experiment, started_at)
    select run, key, timestamp, step, ${stored}, experiment, started_at from ends
    on conflict (run, key) do update
    set step = excluded.step, timestamp = excluded.timestamp, value = excluded.value, is_nan = excluded.is_nan
    where (excluded.step, excluded.timestamp, excluded.value)
        > (tracking_latest.step, tracking_latest.timestamp, tracking_latest.value)),
  ended as (
    delete from tracking_block as b using ends where ends.has_blocks = 1 and ${isEnded})
  select id, lifecycle, is_all from locked cross join seen`

const newPoints = prepared(statement(''))
const anyPoints = prepared(statement('on conflict do nothing'))
