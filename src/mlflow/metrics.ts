import { z } from 'zod'
import { invalid } from '#kernel/error.ts'
import { int64Json, type Int64 } from '#kernel/int64.ts'
import { ownerResource, type MetricPoint, type StoredPoint, type Tracking } from '#tracking'
import { double, int64, KeyValue, many, manyPlain, step } from './field.ts'
import { pageSize } from './experiments.ts'
import type { Caller, Declare } from './route.ts'
import { onRun, RunId, runIdOf } from './run-scope.ts'

export type MetricCallParts = Pick<Tracking, 'runs' | 'log' | 'history'>

const base = '2.0/mlflow'
const metricsMax = 1_000
const textsMax = 100
const entriesMax = 1_000
const historyMax = 25_000
const bulkRunsMax = 100
/** Points of each run in a sampled history. */
const sampledMax = 2_500

const Metric = z.object({
  key: z.string(),
  value: double,
  timestamp: int64.pipe(z.int().min(0)),
  step: step.default(0),
  model_id: z.string().optional(),
  dataset_name: z.string().optional(),
  dataset_digest: z.string().optional(),
})

/** As clients write all but the odd metric. */
function isPlain(said: unknown): said is z.output<typeof Metric> {
  const { key, value, timestamp, step: place, model_id: model } = Object(said) as Record<string, unknown>
  return (
    typeof key === 'string' &&
    typeof value === 'number' &&
    Number.isSafeInteger(timestamp) &&
    (timestamp as number) >= 0 &&
    Number.isSafeInteger(place) &&
    model === undefined
  )
}

export const metricCalls =
  (parts: MetricCallParts) =>
  (declare: Declare): void => {
    logCalls(parts, declare)
    historyCall(parts, declare)
    bulkCalls(parts, declare)
  }

function logCalls({ runs, log }: MetricCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/runs/log-metric`,
    input: z.object({ ...RunId, ...Metric.shape }),
    may: onRun(runs)('edit'),
    async handle(said) {
      await log.add({ run: runIdOf(said), points: [pointOf(said)] })
      return {}
    },
  })

  declare({
    method: 'POST',
    path: `${base}/runs/log-batch`,
    input: z.object({ ...RunId, metrics: manyPlain(Metric, isPlain), params: many(KeyValue), tags: many(KeyValue) }),
    may: onRun(runs)('edit'),
    async handle({ metrics, params, tags, ...said }) {
      within('metrics', metrics.length, metricsMax)
      within('params', params.length, textsMax)
      within('tags', tags.length, textsMax)
      within('metrics, params, and tags', metrics.length + params.length + tags.length, entriesMax)
      await log.add({ run: runIdOf(said), points: metrics.map(pointOf), params, tags })
      return {}
    },
  })
}

function within(what: string, count: number, most: number): void {
  if (count <= most) return
  throw invalid(
    `A batch logging request can contain at most ${most} ${what}. Got ${count} ${what}. Please split up ${what} ` +
      `across multiple requests and try again.`,
  )
}

function pointOf(said: z.output<typeof Metric>): MetricPoint {
  const { key, value, timestamp, step, model_id: id } = said
  if (!id) return { key, value, timestamp, step }
  const model = { id, datasetName: said.dataset_name, datasetDigest: said.dataset_digest }
  return { key, value, timestamp, step, model }
}

function historyCall({ runs, history }: MetricCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: `${base}/metrics/get-history`,
    input: z.object({
      ...RunId,
      metric_key: z.string(),
      page_token: z.string().optional(),
      max_results: pageSize(historyMax).optional(),
    }),
    // Of a run that is not there for the caller the history is empty, as MLflow has it.
    may: 'anyone',
    async handle({ metric_key, page_token, max_results = historyMax, ...said }, caller) {
      const run = runIdOf(said)
      const owner = await ownerOf(runs, run)
      if (!owner || !(await caller.mayRead(ownerResource(owner)))) return {}
      const page = { limit: max_results, after: page_token || undefined }
      const { items, next } = await history.points(run, metric_key, page)
      return { metrics: items.map(point => metricOf(metric_key, point)), next_page_token: next }
    },
  })
}

/** Histories of several runs, for charts: those that the caller may read. */
function bulkCalls({ runs, history }: MetricCallParts, declare: Declare): void {
  declare({
    method: 'GET',
    path: `${base}/metrics/get-history-bulk`,
    input: z.object({
      run_id: many(z.string()).pipe(z.array(z.string()).min(1).max(bulkRunsMax)),
      metric_key: z.string(),
      max_results: pageSize(historyMax).default(historyMax),
    }),
    may: 'anyone',
    async handle({ run_id, metric_key, max_results }, caller) {
      const metrics: object[] = []
      for (const run of (await readableRuns(runs, run_id, caller)).toSorted()) {
        const { items } = await history.points(run, metric_key, { limit: max_results - metrics.length })
        metrics.push(...items.map(point => ({ ...metricOf(metric_key, point), run_id: run })))
        if (metrics.length >= max_results) break
      }
      return { metrics }
    },
  })

  declare({
    method: 'GET',
    path: `${base}/metrics/get-history-bulk-interval`,
    input: z.object({
      run_ids: many(z.string()).pipe(z.array(z.string()).min(1).max(bulkRunsMax)),
      metric_key: z.string(),
      start_step: step.optional(),
      end_step: step.optional(),
      max_results: pageSize(sampledMax).default(sampledMax),
    }),
    may: 'anyone',
    async handle({ run_ids, metric_key, start_step, end_step, max_results }, caller) {
      const range = rangeOf(start_step, end_step)
      const readable = await readableRuns(runs, run_ids, caller)
      // Side by side: while PostgreSQL reads one, what it said of another is sampled.
      const ofRuns = readable.map(async run => {
        const points = await history.sampled({ run, key: metric_key }, { ...range, most: max_results })
        return points.map(point => ({ ...metricOf(metric_key, point), run_id: run }))
      })
      return { metrics: (await Promise.all(ofRuns)).flat() }
    },
  })
}

function rangeOf(from: Int64 | undefined, to: Int64 | undefined): { from?: Int64; to?: Int64 } {
  if (from === undefined && to === undefined) return {}
  if (from === undefined || to === undefined)
    throw invalid('If either start step or end step are specified, both must be specified.')
  if (from > to)
    throw invalid(`end_step must be greater than or equal to start_step. Found start_step=${from} and end_step=${to}.`)
  return { from, to }
}

const ownerOf = (
  runs: MetricCallParts['runs'],
  run: string,
): Promise<{ project: string; experimentId: string } | undefined> => runs.ownerOf(run).catch(() => undefined)

async function readableRuns(runs: MetricCallParts['runs'], ids: readonly string[], caller: Caller): Promise<string[]> {
  const found: string[] = []
  for (const id of new Set(ids)) {
    const owner = await ownerOf(runs, id)
    if (!owner) continue
    if (await caller.mayRead(ownerResource(owner))) found.push(id)
  }
  return found
}

const metricOf = (key: string, { value, timestamp, step }: StoredPoint): object => ({
  key,
  value: Number.isNaN(value) ? 'NaN' : value,
  timestamp,
  step: int64Json(step),
})
