/** How often each client may ask. */
export interface RateLimit {
  /** Takes a permit and answers 0; or answers in how many milliseconds there will be one. */
  take(client: string, perSecond: number): number | Promise<number>
}

interface Bucket {
  permits: number
  at: number
}

/**
 * A bucket of permits for each client, filled steadily: it holds those of one second, and at least one. There are as many
 * buckets as tokens have asked deployments with a limit.
 */
export function createRateLimit(now: () => number = () => performance.now()): {
  take(...asked: Parameters<RateLimit['take']>): number
} {
  const buckets = new Map<string, Bucket>()
  return {
    take(client, perSecond) {
      const at = now()
      const size = Math.max(1, perSecond)
      let bucket = buckets.get(client)
      if (!bucket) buckets.set(client, (bucket = { permits: size, at }))
      bucket.permits = Math.min(size, bucket.permits + ((at - bucket.at) * perSecond) / 1_000)
      bucket.at = at
      if (bucket.permits < 1) return ((1 - bucket.permits) * 1_000) / perSecond
      bucket.permits--
      return 0
    },
  }
}
