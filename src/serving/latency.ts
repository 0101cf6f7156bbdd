/**
 * Latencies by count: bucket b holds those from 0.05·1.3ᵇ ms on, so a quantile is off by 15 % at most. 60 buckets reach
 * five minutes.
 */
const smallestMs = 0.05
const growth = 1.3
const bucketMax = 60

/** The bucket of `latency_ms` as a DuckDB expression. */
export const bucketSql = `least(${bucketMax}, cast(floor(ln(greatest(latency_ms, ${smallestMs}) / ${smallestMs}) / ln(${growth})) as integer))`

/** The bucket of a latency in milliseconds, as {@link bucketSql} has it. */
export const bucketOf = (ms: number): number =>
  Math.min(bucketMax, Math.floor(Math.log(Math.max(ms, smallestMs) / smallestMs) / Math.log(growth)))

/** The q-quantile in ms: the middle of the bucket that it falls into. Undefined without counts. */
export function latencyQuantile(counts: ReadonlyMap<number, number>, q: number): number | undefined {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  let rest = q * total
  for (const bucket of [...counts.keys()].toSorted((a, b) => a - b)) {
    rest -= counts.get(bucket)!
    if (rest <= 0) return total === 0 ? undefined : smallestMs * growth ** (bucket + 0.5)
  }
  return undefined
}
