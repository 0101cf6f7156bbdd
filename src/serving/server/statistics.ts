import type { Course } from './infer.ts'
import type { LiveDeployment, LiveRevision } from './route-table.ts'

/** What each revision has answered since it was loaded, as `model_stats` [Triton's statistics extension]. */
export interface Statistics {
  observe(course: Course, end: { endedAt: number; isAnswered: boolean }): void
  /** Of some deployments, or of one of their revisions alone. */
  read(deployments: readonly LiveDeployment[], version?: string): object
}

interface Duration {
  count: number
  ms: number
}

interface Tally {
  lastAt: number
  readonly success: Duration
  readonly fail: Duration
  readonly bind: Duration
  readonly run: Duration
  readonly write: Duration
}

const zero = (): Duration => ({ count: 0, ms: 0 })

function add(duration: Duration, ms: number): void {
  duration.count++
  duration.ms += ms
}

export function createStatistics(now: () => number = Date.now): Statistics {
  const tallies = new Map<string, Tally>()

  function tallyOf({ id }: Pick<LiveRevision, 'id'>): Tally {
    let found = tallies.get(id)
    if (!found) {
      found = { lastAt: 0, success: zero(), fail: zero(), bind: zero(), run: zero(), write: zero() }
      tallies.set(id, found)
    }
    return found
  }

  return {
    observe({ startedAt, boundAt = 0, ranAt = 0, revision }, { endedAt, isAnswered }) {
      if (!revision) return
      const tally = tallyOf(revision)
      tally.lastAt = now()
      if (!isAnswered) return add(tally.fail, endedAt - startedAt)
      add(tally.success, endedAt - startedAt)
      add(tally.bind, boundAt - startedAt)
      add(tally.run, ranAt - boundAt)
      add(tally.write, endedAt - ranAt)
    },
    read: (deployments, version) => ({
      model_stats: deployments.flatMap(({ name, revisions }) =>
        revisions
          .filter(({ number }) => version === undefined || String(number) === version)
          .map(revision => statsOf(name, revision, tallyOf(revision))),
      ),
    }),
  }
}

const inNanoseconds = ({ count, ms }: Duration): { count: number; ns: number } => ({
  count,
  ns: Math.max(0, Math.round(ms * 1e6)),
})

function statsOf(name: string, { number, model }: LiveRevision, tally: Tally): object {
  const { runs, rows, queuedMs, sizes } = model.batcher.tally
  const { success, fail, bind, run, write } = tally
  const none = { count: 0, ns: 0 }
  return {
    name,
    version: String(number),
    last_inference: tally.lastAt,
    inference_count: rows,
    execution_count: runs,
    inference_stats: {
      success: inNanoseconds(success),
      fail: inNanoseconds(fail),
      queue: inNanoseconds({ count: run.count, ms: queuedMs }),
      compute_input: inNanoseconds(bind),
      compute_infer: inNanoseconds({ count: run.count, ms: run.ms - queuedMs }),
      compute_output: inNanoseconds(write),
      cache_hit: none,
      cache_miss: none,
    },
    response_stats: {},
    batch_stats: [...sizes]
      .toSorted(([a], [b]) => a - b)
      .map(([batch_size, { runs: count, ms }]) => ({
        batch_size,
        compute_input: none,
        compute_infer: inNanoseconds({ count, ms }),
        compute_output: none,
      })),
    memory_usage: [{ type: 'CPU', id: 0, byte_size: model.memoryBytes() }],
  }
}
