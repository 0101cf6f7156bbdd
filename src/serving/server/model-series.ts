import { latencyBounds } from './request-tally.ts'
import { noCounts, stageNames, type StageCounts } from './stage-counts.ts'
import type { ModelReading, ModelStatistics } from './statistics.ts'

/**
 * What revisions have answered, in the names of Prometheus: the platform's own, and Triton's and KServe's beside them, so that
 * dashboards made for those servers show this one. All is read from the statistics when somebody asks.
 */

/** A family of series as prom-client has it in JSON. */
interface Series {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly { metricName?: string; labels: Readonly<Record<string, string | number>>; value: number }[]
}

export const modelSeries = (read: readonly ModelReading[]): readonly Series[] => [
  ...own(read),
  ...tritons(read),
  ...kserves(read),
]

const sum = (type: Series['type'], name: string, help: string, values: Series['values']): Series => ({
  name,
  help,
  type,
  aggregator: 'sum',
  values,
})

function own(read: readonly ModelReading[]): readonly Series[] {
  const labelled = ({ stats, revision }: ModelReading) => ({ deployment: stats.name, revision })
  const stage = 'trainyard_serving_stage_seconds'
  return [
    sum(
      'counter',
      'trainyard_serving_rows_total',
      'Rows that models have answered.',
      read.map(each => ({ labels: labelled(each), value: each.stats.inference_count })),
    ),
    sum(
      'histogram',
      stage,
      'Time of a stage of answered requests: reading and checking inputs (bind), waiting and the run (run), writing down and answering (answer).',
      read.flatMap(each =>
        stageNames.flatMap(name => histogram(stage, { ...labelled(each), stage: name }, each.stages[name])),
      ),
    ),
    sum(
      'histogram',
      'trainyard_serving_batch_rows',
      'Rows that shared a run of the model.',
      read.flatMap(each => batches('trainyard_serving_batch_rows', labelled(each), each.stats)),
    ),
  ]
}

/** [Triton, docs/user_guide/metrics.md] */
function tritons(read: readonly ModelReading[]): readonly Series[] {
  const counter = (name: string, help: string, of: (each: ModelReading) => number, more = {}): Series =>
    sum(
      'counter',
      `nv_inference_${name}`,
      help,
      read.map(each => ({
        labels: { model: each.stats.name, version: each.stats.version, ...more },
        value: of(each),
      })),
    )
  const spent = (name: string, help: string, stage: string): Series =>
    counter(`${name}_duration_us`, `Cumulative microseconds: ${help}.`, ({ stats }) =>
      Math.round(stats.inference_stats[stage]!.ns / 1_000),
    )
  const { type: _, ...pending } = counter('pending_request_count', 'Requests that wait.', ({ waiting }) => waiting)
  return [
    counter('request_success', 'Requests answered.', ({ stats }) => stats.inference_stats['success']!.count),
    counter('request_failure', 'Requests failed.', ({ stats }) => stats.inference_stats['fail']!.count, {
      reason: 'OTHER',
    }),
    counter('count', 'Rows answered.', ({ stats }) => stats.inference_count),
    counter('exec_count', 'Runs of the model.', ({ stats }) => stats.execution_count),
    spent('request', 'requests, all in all', 'success'),
    spent('queue', 'waiting', 'queue'),
    spent('compute_input', 'inputs', 'compute_input'),
    spent('compute_infer', 'runs', 'compute_infer'),
    spent('compute_output', 'outputs', 'compute_output'),
    { ...pending, type: 'gauge' },
  ]
}

/** [KServe, python/kserve/kserve/metrics.py] */
const kserves = (read: readonly ModelReading[]): readonly Series[] =>
  (
    [
      ['preprocess', 'bind'],
      ['predict', 'run'],
      ['postprocess', 'answer'],
    ] as const
  ).map(([word, stage]) => {
    const name = `request_${word}_seconds`
    const models = Map.groupBy(read, ({ stats }) => stats.name)
    return sum(
      'histogram',
      name,
      `${word} request latency`,
      [...models].flatMap(([model, revisions]) =>
        histogram(name, { model_name: model }, added(revisions.map(({ stages }) => stages[stage]))),
      ),
    )
  })

function added(all: readonly StageCounts[]): StageCounts {
  const total = noCounts()
  for (const { count, ms, buckets } of all) {
    total.count += count
    total.ms += ms
    for (const [index, value] of buckets.entries()) total.buckets[index]! += value
  }
  return total
}

const histogram = (name: string, labels: Readonly<Record<string, string>>, { count, ms, buckets }: StageCounts) =>
  bucketSeries(name, labels, {
    count,
    sum: ms / 1_000,
    buckets: latencyBounds.map((bound, index) => [bound, buckets[index]!] as const),
  })

const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256]

function batches(name: string, labels: Readonly<Record<string, string>>, stats: ModelStatistics): Series['values'] {
  const within = (from: number, to: number): number =>
    stats.batch_stats
      .filter(({ batch_size }) => batch_size > from && batch_size <= to)
      .reduce((total, { compute_infer }) => total + (compute_infer as { count: number }).count, 0)
  return bucketSeries(name, labels, {
    count: stats.execution_count,
    sum: stats.inference_count,
    buckets: batchBounds.map((bound, index) => [bound, within(batchBounds[index - 1] ?? 0, bound)] as const),
  })
}

/** Prometheus' buckets have what is below them in them. */
function bucketSeries(
  name: string,
  labels: Readonly<Record<string, string>>,
  { count, sum: total, buckets }: { count: number; sum: number; buckets: readonly (readonly [number, number])[] },
): Series['values'] {
  let below = 0
  return [
    ...buckets.map(([le, value]) => ({
      metricName: `${name}_bucket`,
      labels: { le, ...labels },
      value: (below += value),
    })),
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: total },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
