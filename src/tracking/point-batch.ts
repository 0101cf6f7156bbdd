import { compareInt64, type Int64 } from '#kernel/int64.ts'
import { storedValue, type MetricPoint } from './metric.ts'

/** A point as the tables have it. `run` is a number by which the caller knows the run. */
export interface PointRow {
  readonly run: number
  readonly key: number
  readonly step: Int64
  readonly timestamp: number
  readonly value: number
  readonly isNan: 0 | 1
}

/** What a batch adds to one metric of one run: its latest point, and the first and last instant. */
export interface SeriesEnd {
  readonly last: PointRow
  readonly from: number
  readonly to: number
}

/** Points in the order in which all writers lock them, each once, and the ends of their metrics. */
export interface PointBatch {
  readonly points: readonly PointRow[]
  readonly ends: readonly SeriesEnd[]
}

export function pointBatch(
  entries: readonly { readonly run: number; readonly points: readonly MetricPoint[] }[],
  numbers: ReadonlyMap<string, number>,
): PointBatch {
  const rows: PointRow[] = []
  for (const { run, points } of entries)
    for (const { key, step, timestamp, value } of points)
      rows.push({
        run,
        key: numbers.get(key)!,
        step,
        timestamp,
        value: storedValue(value),
        isNan: Number.isNaN(value) ? 1 : 0,
      })
  rows.sort(byPlace)
  const points = rows.filter((row, index) => index === 0 || byPlace(rows[index - 1]!, row) !== 0)
  return { points, ends: endsOf(points) }
}

/** By metric, and then what is latest last. */
const byPlace = (a: PointRow, b: PointRow): number =>
  a.run - b.run ||
  a.key - b.key ||
  compareInt64(a.step, b.step) ||
  a.timestamp - b.timestamp ||
  a.value - b.value ||
  a.isNan - b.isNan

function endsOf(points: readonly PointRow[]): readonly SeriesEnd[] {
  const ends: SeriesEnd[] = []
  let [from, to] = [Infinity, -Infinity]
  for (const [index, last] of points.entries()) {
    from = Math.min(from, last.timestamp)
    to = Math.max(to, last.timestamp)
    const next = points[index + 1]
    if (next?.run === last.run && next.key === last.key) continue
    ends.push({ last, from, to })
    ;[from, to] = [Infinity, -Infinity]
  }
  return ends
}
