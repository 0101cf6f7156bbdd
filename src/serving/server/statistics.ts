import type { Course } from './infer.ts'
import type { LiveDeployment, LiveRevision } from './route-table.ts'
import { addStage, noCounts, type Stage, type StageCounts } from './stage-counts.ts'

/** What each revision has answered since it was loaded, as `model_stats` [Triton's statistics extension]. */
export interface Statistics {
  observe(course: Course, end: { endedAt: number; isAnswered: boolean }): void
  /** Of some deployments. */
  read(deployments: readonly LiveDeployment[]): readonly ModelStatistics[]
  /** The same, with what Prometheus has beside it. */
  readings(deployments: readonly LiveDeployment[]): readonly ModelReading[]
}

/** Of one revision, in Triton's words. */
export interface ModelStatistics {
  readonly name: string
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly last_inference: number
  /** Rows, and runs of the model. */
  readonly inference_count: number
  readonly execution_count: number
  readonly inference_stats: Readonly<Record<string, Spent>>
  readonly response_stats: object
  readonly batch_stats: readonly { readonly batch_size: number; readonly [stage: string]: Spent | number }[]
  readonly memory_usage: readonly { readonly type: string; readonly id: number; readonly byte_size: number }[]
}

/** One revision of a deployment, with what is known beside its statistics. */
export interface ModelReading {
  readonly revision: string
  readonly waiting: number
  readonly stats: ModelStatistics
  /** Requests by the time of a stage. */
  readonly stages: Readonly<Record<Stage, StageCounts>>
}

interface Spent {
  readonly count: number
  readonly ns: number
}

/** The statistics of a revision in two processes, as one. */
export function addStatistics(one: ModelStatistics, other: ModelStatistics): ModelStatistics {
  const sizes = new Map(one.batch_stats.map(stats => [stats.batch_size, stats]))
  for (const { batch_size, ...spent } of other.batch_stats) {
    const { batch_size: _, ...known } = sizes.get(batch_size) ?? { batch_size }
    sizes.set(batch_size, { batch_size, ...addSpent(known as Stages, spent as Stages) })
  }
  return {
    ...one,
    last_inference: Math.max(one.last_inference, other.last_inference),
    inference_count: one.inference_count + other.inference_count,
    execution_count: one.execution_count + other.execution_count,
    inference_stats: addSpent(one.inference_stats, other.inference_stats),
    batch_stats: [...sizes.values()].toSorted((a, b) => a.batch_size - b.batch_size),
    memory_usage: one.memory_usage.map((usage, index) => ({
      ...usage,
      byte_size: usage.byte_size + (other.memory_usage[index]?.byte_size ?? 0),
    })),
  }
}

type Stages = Readonly<Record<string, Spent>>

const addSpent = (one: Stages, other: Stages): Stages =>
  Object.fromEntries(
    Object.entries(other).map(([stage, { count, ns }]) => [
      stage,
      { count: count + (one[stage]?.count ?? 0), ns: ns + (one[stage]?.ns ?? 0) },
    ]),
  )

interface Duration {
  count: number
  ms: number
}

interface Tally {
  lastAt: number
  readonly success: Duration
  readonly fail: Duration
  /** Of what was answered. */
  readonly stages: Readonly<Record<Stage, StageCounts>>
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
      const stages = { bind: noCounts(), run: noCounts(), answer: noCounts() }
      found = { lastAt: 0, success: zero(), fail: zero(), stages }
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
      const { bind, run, answer } = tally.stages
      addStage(bind, boundAt - startedAt)
      addStage(run, ranAt - boundAt)
      addStage(answer, endedAt - ranAt)
    },
    read: deployments =>
      deployments.flatMap(({ name, revisions }) =>
        revisions.map(revision => statsOf(name, revision, tallyOf(revision))),
      ),
    readings: deployments =>
      deployments.flatMap(({ name, revisions }) =>
        revisions.map(revision => {
          const tally = tallyOf(revision)
          const { model } = revision
          return {
            revision: revision.id,
            waiting: model.batcher.waiting.requests,
            stats: statsOf(name, revision, tally),
            stages: tally.stages,
          }
        }),
      ),
  }
}

const inNanoseconds = ({ count, ms }: Pick<Duration, 'count' | 'ms'>): { count: number; ns: number } => ({
  count,
  ns: Math.max(0, Math.round(ms * 1e6)),
})

function statsOf(name: string, { number, model }: LiveRevision, tally: Tally): ModelStatistics {
  const { runs, rows, queuedMs, sizes } = model.batcher.tally
  const { success, fail } = tally
  const { bind, run, answer } = tally.stages
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
      compute_output: inNanoseconds(answer),
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
