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

type Counts = ReadonlyMap<number, number>

const totalOf = (counts: Counts): number => [...counts.values()].reduce((sum, count) => sum + count, 0)

/** The q-quantile in ms: the middle of the bucket that it falls into. Undefined without counts. */
export function latencyQuantile(counts: Counts, q: number): number | undefined {
  const bucket = quantileBucket(counts, q)
  return bucket === undefined ? undefined : smallestMs * growth ** (bucket + 0.5)
}

function quantileBucket(counts: Counts, q: number): number | undefined {
  const total = totalOf(counts)
  let rest = q * total
  for (const bucket of [...counts.keys()].toSorted((a, b) => a - b)) {
    rest -= counts.get(bucket)!
    if (rest <= 0) return total === 0 ? undefined : bucket
  }
  return undefined
}

/** Fewer requests say nothing of the slowest of a hundred. */
const requestsForSlow = 500

/** What one request in a hundred takes at most as long as, in ms: where its bucket ends. Undefined when there are too few. */
export function slowestInHundred(counts: Counts): number | undefined {
  if (totalOf(counts) < requestsForSlow) return undefined
  return smallestMs * growth ** (quantileBucket(counts, 0.99)! + 1)
}
