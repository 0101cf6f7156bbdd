import { setTimeout as sleep } from 'node:timers/promises'
import type { Blocks } from './blocks.ts'
import type { MetricPoint } from './metric.ts'

/** Watches how metrics grow, and has blocks made of long histories while nobody waits for them. */
export interface Compactor {
  added(run: string, points: readonly Pick<MetricPoint, 'key'>[]): void
}

/** So many new points of one metric are worth a look. What a process forgets is made up for by the first reader. */
const pointsMin = 8_192
const watchedMax = 100_000
/** Writers go first: while points come, each step waits so long, so many times at most. */
const pauseMs = 50
const pausesMax = 4

export function createCompactor(compact: Blocks['compact']): Compactor {
  const counts = new Map<string, Map<string, number>>()
  /** Metrics whose turn has not come: what is added meanwhile is compacted with the rest. */
  const waiting = new Set<string>()
  let watched = 0
  let queue = Promise.resolve()
  let hasAdded = false

  async function quiet(): Promise<void> {
    for (let pauses = 0; hasAdded && pauses < pausesMax; pauses++) {
      hasAdded = false
      await sleep(pauseMs, undefined, { ref: false })
    }
  }

  function enqueue(run: string, key: string): void {
    const name = `${run} ${key}`
    if (waiting.has(name)) return
    waiting.add(name)
    const begin = async (): Promise<void> => {
      await quiet()
      waiting.delete(name)
      await compact({ run, key }, quiet)
    }
    // A failure is not lost: the first reader makes the blocks, and learns of it.
    queue = queue.then(begin).catch(() => {})
  }

  return {
    added(run, points) {
      hasAdded = true
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
        if (count === pointsMin) enqueue(run, key)
      }
    },
  }
}
