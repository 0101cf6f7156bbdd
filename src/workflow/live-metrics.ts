import type { Clock } from '#kernel/clock.ts'
import type { Tracking, TrackingRunId } from '#tracking'
import type { MetricPoint } from './task.ts'

/** The metrics of a task on their way into its tracking run: while it runs, and the rest at its end. */
export interface LiveMetrics {
  add(points: readonly MetricPoint[]): void
  /** Writes what has not been written of all that the task has given. Throws when it cannot. */
  end(all: readonly MetricPoint[]): Promise<void>
  /** Resolves when nothing is being written; what comes later is left to {@link end}. */
  still(): Promise<void>
}

interface Deps {
  readonly tracking: Pick<Tracking, 'log' | 'history'>
  readonly clock: Clock
  readonly run: TrackingRunId | undefined
  /** Whether another process may have written some of it. */
  readonly isAdopted: boolean
}

export function createLiveMetrics({ tracking, clock, run, isAdopted }: Deps): LiveMetrics {
  const found = createFound(tracking)
  let writing: Promise<void> = Promise.resolve()
  let written = 0
  let isOpen = run !== undefined

  async function write(points: readonly MetricPoint[]): Promise<void> {
    if (run === undefined || points.length === 0) return
    const missing = isAdopted ? await found.without(run, points) : points
    const timestamp = clock.now()
    const rows = missing.map(({ name, value, step = 0 }) => ({ key: name, value, step, timestamp }))
    if (rows.length > 0) await tracking.log.add({ run, points: rows })
    written += points.length
  }

  const still = (): Promise<void> => {
    isOpen = false
    return writing
  }

  return {
    add(points) {
      // Points that cannot be written now, and those after them, are written at the end.
      writing = writing
        .then(() => (isOpen ? write(points) : undefined))
        .catch(() => {
          isOpen = false
        })
    },
    async end(all) {
      await still()
      await write(all.slice(written))
    },
    still,
  }
}

const pagePoints = 1_000

/** What a former process has written of a run, by metric, each point to be met once. */
function createFound({ history }: Deps['tracking']) {
  const known = new Map<string, Map<string, number>>()

  async function read(run: string, key: string): Promise<Map<string, number>> {
    const counts = new Map<string, number>()
    let after: string | undefined
    do {
      const page = await history.points(run, key, { limit: pagePoints, after })
      for (const { step, value } of page.items) count(counts, `${step} ${value}`, 1)
      after = page.next
    } while (after !== undefined)
    known.set(key, counts)
    return counts
  }

  return {
    async without(run: string, points: readonly MetricPoint[]): Promise<readonly MetricPoint[]> {
      const missing: MetricPoint[] = []
      for (const point of points) {
        const counts = known.get(point.name) ?? (await read(run, point.name))
        const text = `${point.step ?? 0} ${point.value}`
        if ((counts.get(text) ?? 0) > 0) count(counts, text, -1)
        else missing.push(point)
      }
      return missing
    },
  }
}

const count = (counts: Map<string, number>, text: string, by: number): void =>
  void counts.set(text, (counts.get(text) ?? 0) + by)
