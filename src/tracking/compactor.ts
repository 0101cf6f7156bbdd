import type { MetricPoint } from './metric.ts'

/** Watches how metrics grow, and has blocks made of long histories while nobody waits for them. */
export interface Compactor {
  added(run: string, points: readonly Pick<MetricPoint, 'key'>[]): void
}

/** So many new points of one metric are worth a look. What a process forgets is made up for by the first reader. */
const pointsMin = 8_192
const watchedMax = 100_000

export function createCompactor(compact: (series: { run: string; key: string }) => Promise<void>): Compactor {
  const counts = new Map<string, Map<string, number>>()
  let watched = 0
  let queue = Promise.resolve()

  return {
    added(run, points) {
      if (watched > watchedMax) {
        counts.clear()
        watched = 0
      }
      const keys = counts.get(run) ?? new Map<string, number>()
      counts.set(run, keys)
      for (const { key } of points) {
        const count = (keys.get(key) ?? 0) + 1
        if (count === 1) watched++
        keys.set(key, count % pointsMin)
        // A failure is not lost: the first reader makes the blocks, and learns of it.
        if (count === pointsMin) queue = queue.then(() => compact({ run, key })).catch(() => {})
      }
    },
  }
}
