import { engineOf, runRows, runText, type Db, type RowStatement } from '#storage'
import type { HistoryRow } from './chunk-read.sql.ts'
import type { Place } from './store.ts'
import { spanOf } from './tables.ts'

/** Points of a metric by their places among those of stretches of time; see `SeriesStore.atPlaces`. */
export async function readPlaces(
  db: Db,
  { run, key }: { readonly run: number; readonly key: number },
  places: readonly Place[],
): Promise<readonly HistoryRow[]> {
  if (engineOf(db) === 'postgres')
    return runRows(
      db,
      pointsAtPlaces,
      places.flatMap(({ from, to, place }) => [run, key, from, to, spanOf(from), spanOf(to - 1), place]),
    )
  const found: HistoryRow[] = []
  for (const { from, to, place } of places)
    found.push(
      ...(await runText<HistoryRow>(db, pointAtPlace, [
        run,
        spanOf(from),
        run,
        spanOf(to - 1),
        run,
        key,
        from,
        to,
        place,
      ])),
    )
  return found
}

/** On SQLite a statement for each is the quickest. The spans of the stretch are sought one by one, as other metrics may lie between. */
const pointAtPlace = `
  with recursive spans (span) as (
    select min(p.span) from tracking_point as p where p.run = ? and p.span >= ?
    union all
    select (select min(p.span) from tracking_point as p where p.run = ? and p.span > s.span)
    from spans as s where s.span < ?
  )
  select p.timestamp, p.step, p.value, p.is_nan from spans as s cross join tracking_point as p
  where p.run = ? and p.span = s.span and p.key = ? and p.timestamp >= ? and p.timestamp < ?
  order by p.step, p.timestamp, p.value, p.is_nan limit 1 offset ?`

/** Points are rows there or elements of chunks, or both. */
const pointsAtPlaces: RowStatement = {
  head: 'with wanted (run, key, from_at, to_at, from_span, to_span, place) as (',
  types: ['bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint'],
  tail: `) select found.* from wanted as w cross join lateral (
      select distinct timestamp, step, value, is_nan from (
        select p.timestamp, p.step, p.value, p.is_nan from tracking_point as p
        where p.run = w.run and p.span >= w.from_span and p.span <= w.to_span and p.key = w.key
          and p.timestamp >= w.from_at and p.timestamp < w.to_at
        union all
        select u.timestamp, u.step, case when u.value = 'NaN' then 0 else u.value end,
          case when u.value = 'NaN' then 1 else 0 end
        from tracking_chunk as c cross join lateral unnest(c.timestamps, c.steps, c.values) as u (timestamp, step, value)
        where c.run = w.run and c.key = w.key and c.to_at >= w.from_at and c.from_at < w.to_at
          and u.timestamp >= w.from_at and u.timestamp < w.to_at
      ) as points
      order by step, timestamp, value, is_nan limit 1 offset w.place
    ) as found`,
}
