import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'

/** Experiments, tracking runs and histories of their metrics as JSON. */

const lifecycles = ['active', 'deleted'] as const
const statuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const

const Texts = z.record(z.string(), z.string())

export const ExperimentWire = z
  .object({
    id: z.string(),
    project: z.string(),
    /** A path: `rain/training/train`. */
    name: z.string(),
    lifecycle: z.enum(lifecycles),
    artifactLocation: z.string(),
    tags: Texts,
    /** Of its runs that are not deleted. */
    runs: z.int(),
    running: z.int(),
    /** The latest start of a run. */
    lastRunAt: Instant.optional(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ title: 'Experiment' })
export const ExperimentPage = pageOf(ExperimentWire)

/** The names that its runs have logged, in the order of names; at most a thousand of each. */
export const ExperimentDetail = ExperimentWire.extend({
  metrics: z.array(z.string()),
  params: z.array(z.string()),
  tagKeys: z.array(z.string()),
}).meta({ title: 'ExperimentDetail' })

/** A run as a row of a table: with the metrics, params and tags that were asked for. A metric that is NaN is null. */
export const RunRowWire = z
  .object({
    id: z.string(),
    project: z.string(),
    experiment: z.string(),
    name: z.string(),
    status: z.enum(statuses),
    lifecycle: z.enum(lifecycles),
    user: z.string(),
    startedAt: Instant,
    endedAt: Instant.optional(),
    /** The run that it is nested in. */
    parent: z.string().optional(),
    metrics: z.record(z.string(), z.number().nullable()),
    params: Texts,
    tags: Texts,
  })
  .meta({ title: 'TrackingRunRow' })
export const RunRowPage = pageOf(RunRowWire).extend({
  /** How many runs there are with this filter, on all pages; `more` when counting stopped there. */
  count: z.int(),
  more: z.boolean(),
})

export const MetricWire = z.object({
  /** Null for NaN. */
  value: z.number().nullable(),
  step: z.int(),
  at: Instant,
})

export const DatasetInputWire = z.object({
  name: z.string(),
  digest: z.string(),
  sourceType: z.string(),
  source: z.string(),
  schema: z.string().optional(),
  profile: z.string().optional(),
  context: z.string().optional(),
})

export const TrackingRunWire = RunRowWire.omit({ metrics: true })
  .extend({
    artifactUri: z.string(),
    /** The workflow run and task whose code it tracks. */
    run: z.string().optional(),
    task: z.string().optional(),
    /** The latest point of each metric. */
    metrics: z.record(z.string(), MetricWire),
    datasets: z.array(DatasetInputWire),
    modelInputs: z.array(z.string()),
    modelOutputs: z.array(z.string()),
  })
  .meta({ title: 'TrackingRun' })

/** What a comparison has for each run; the reader finds what differs. */
export const ComparisonWire = z.object({ items: z.array(TrackingRunWire) }).meta({ title: 'RunComparison' })

export const axes = ['step', 'elapsed', 'time'] as const

/**
 * A metric of a run in at most as many buckets as were asked for, as columns. `at` is the step, the milliseconds since
 * the run's start, or those since 1970, of the last point in the bucket.
 */
export const HistoryWire = z
  .object({
    run: z.string(),
    key: z.string(),
    points: z.int(),
    at: z.array(z.number()),
    /** Null where there is no number. */
    low: z.array(z.number().nullable()),
    high: z.array(z.number().nullable()),
    last: z.array(z.number().nullable()),
  })
  .meta({ title: 'MetricHistory' })
export const HistoryList = z.object({ items: z.array(HistoryWire) })
