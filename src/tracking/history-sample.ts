import { compareInt64, type Int64 } from '#kernel/int64.ts'
import type { SeriesStore, StepRange, StoredPoint } from './store.ts'

/**
 * The points of several runs at common steps, so that a chart compares them. Of n steps the i-th of m is ⌊i·n/m⌋, and the
 * last: as MLflow's server samples.
 */
export async function sampled(
  series: SeriesStore,
  runs: readonly string[],
  key: string,
  { from, to, steps }: Partial<StepRange> & { readonly steps: number },
): Promise<readonly { run: string; points: readonly StoredPoint[] }[]> {
  const ends = new Map<string, { first: Int64; last: Int64 }>()
  for (const run of runs) {
    const found = await series.stepEnds(run, key)
    if (found) ends.set(run, found)
  }
  const known = [...ends.keys()]
  if (known.length === 0) return []
  const lasts = [...ends.values()].map(end => end.last)
  const range = { from: from ?? 0, to: to ?? lasts.toSorted(compareInt64).at(-1)! }
  const count = await series.stepCount(known, key, range)
  const places = placesOf(count, steps)
  const common = await series.nthSteps(known, key, { range, places })
  const found = []
  for (const run of known) {
    const own = [ends.get(run)!.first, ends.get(run)!.last].filter(step => step >= range.from && step <= range.to)
    found.push({ run, points: await series.atSteps(run, key, [...new Set([...common, ...own])]) })
  }
  return found
}

/** Places among `count` sorted steps, from 0. */
export function placesOf(count: number, most: number): readonly number[] {
  if (count <= most) return Array.from({ length: count }, (_, place) => place)
  const places = Array.from({ length: most }, (_, index) => Math.floor((index * count) / most))
  return [...new Set([...places, count - 1])]
}
