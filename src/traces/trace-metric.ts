import { invalid, type Problem } from '#kernel/error.ts'
import type { Millis } from '#kernel/clock.ts'
import { parseFilter, type Filter, type Language } from '#search'

/** What is counted: traces, their spans, or what is said of them. */
export const metricViews = ['TRACES', 'SPANS', 'ASSESSMENTS'] as const
export type MetricView = (typeof metricViews)[number]

export const aggregationTypes = ['COUNT', 'SUM', 'AVG', 'PERCENTILE', 'MIN', 'MAX'] as const

export interface Aggregation {
  readonly type: (typeof aggregationTypes)[number]
  /** From 0 to 100, of PERCENTILE alone. */
  readonly percentile?: number | undefined
}

/** What is asked of many traces at once: a metric, put together within each value of the dimensions. */
export interface MetricQuestion {
  readonly experiments: readonly string[]
  readonly view: MetricView
  readonly metric: string
  readonly aggregations: readonly Aggregation[]
  readonly dimensions: readonly string[]
  /** All of them hold; see {@link metricLanguage}. */
  readonly filters: readonly string[]
  /** Also by time, in steps of so many seconds; `from` and `to` must be there. */
  readonly intervalSeconds?: number | undefined
  /** The first and the last instant. */
  readonly from?: Millis | undefined
  readonly to?: Millis | undefined
  readonly limit: number
}

/** The question as a store is asked it: read and allowed. */
export interface MetricQuery extends Omit<MetricQuestion, 'filters'> {
  readonly filters: readonly Filter[]
}

/** One answer: the values of the dimensions, and of each aggregation by its {@link aggregationName}. */
export interface MetricPoint {
  readonly dimensions: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, number>>
}

/** The dimension that {@link MetricQuestion.intervalSeconds} adds. */
export const timeBucket = 'time_bucket'

interface Metric {
  readonly aggregations: readonly Aggregation['type'][]
  readonly dimensions: readonly string[]
}

const spread = ['AVG', 'MIN', 'MAX', 'PERCENTILE'] as const
const counted = (dimensions: readonly string[]): Metric => ({ aggregations: ['COUNT'], dimensions })
const tokens: Metric = { aggregations: ['SUM', ...spread], dimensions: ['trace_name'] }
const cost: Metric = { ...tokens, dimensions: ['span_model_name', 'span_model_provider'] }

/** What can be asked of each view, as MLflow's server of 3.17 has it. */
const metrics: Readonly<Record<MetricView, Readonly<Record<string, Metric>>>> = {
  TRACES: {
    trace_count: counted(['trace_name', 'trace_status']),
    session_count: counted([]),
    latency: { aggregations: spread, dimensions: ['trace_name'] },
    input_tokens: tokens,
    output_tokens: tokens,
    total_tokens: tokens,
    cache_read_input_tokens: tokens,
    cache_creation_input_tokens: tokens,
  },
  SPANS: {
    span_count: counted(['span_name', 'span_type', 'span_status', 'span_model_name', 'span_model_provider']),
    latency: { aggregations: spread, dimensions: ['span_name', 'span_status'] },
    input_cost: cost,
    output_cost: cost,
    total_cost: cost,
  },
  ASSESSMENTS: {
    assessment_count: counted(['assessment_name', 'assessment_value']),
    assessment_value: { aggregations: spread, dimensions: ['assessment_name'] },
  },
}

const equals = { type: 'text', operators: ['='] } as const

/** How the traces of a question are narrowed: `trace.tag.env = 'prod'`. */
const metricLanguage: Language = {
  what: 'trace metrics',
  bare: 'trace',
  entities: { trace: 'trace', span: 'span', assessment: 'assessment' },
  fields: {
    trace: { keys: { status: equals }, prefixes: { 'tag.': equals, 'metadata.': equals } },
    span: { keys: { name: equals, status: equals, type: equals } },
    assessment: { keys: { name: equals, type: equals } },
  },
}

/** As MLflow's clients read it: `AVG`, `P95.0`. */
export const aggregationName = ({ type, percentile = 0 }: Aggregation): string =>
  type === 'PERCENTILE' ? `P${Number.isInteger(percentile) ? percentile.toFixed(1) : percentile}` : type

/** Throws `invalid`, naming what is wrong and what is allowed. */
export function metricQuery(question: MetricQuestion): MetricQuery {
  const { view, metric, aggregations, dimensions, intervalSeconds, from, to } = question
  const known = Object.hasOwn(metrics[view], metric) ? metrics[view][metric] : undefined
  if (!known) throw wrong('metric_name', metric, Object.keys(metrics[view]))
  if (aggregations.length === 0) throw wrong('aggregations', aggregations, known.aggregations)
  for (const aggregation of aggregations) {
    if (!known.aggregations.includes(aggregation.type))
      throw wrong('aggregations', aggregation.type, known.aggregations)
    requirePercentile(aggregation)
  }
  for (const dimension of dimensions)
    if (!known.dimensions.includes(dimension)) throw wrong('dimensions', dimension, known.dimensions)
  if (intervalSeconds !== undefined && (from === undefined || to === undefined))
    throw invalid('start_time_ms and end_time_ms are required if time_interval_seconds is set.')
  const filters = question.filters.flatMap(text => parseFilter(text, metricLanguage) ?? [])
  for (const filter of filters) requireView(filter, view)
  return { ...question, filters }
}

function requirePercentile({ type, percentile }: Aggregation): void {
  const isWanted = type === 'PERCENTILE'
  if (isWanted === (percentile !== undefined) && (percentile ?? 0) >= 0 && (percentile ?? 0) <= 100) return
  throw wrong('percentile_value', percentile, [isWanted ? '0 to 100' : 'nothing, unless the aggregation is PERCENTILE'])
}

const viewOf: Readonly<Record<string, MetricView>> = { span: 'SPANS', assessment: 'ASSESSMENTS' }

function requireView(filter: Filter, view: MetricView): void {
  if ('and' in filter) for (const part of filter.and) requireView(part, view)
  else if ('or' in filter) for (const part of filter.or) requireView(part, view)
  else if ((viewOf[filter.entity] ?? view) !== view)
    throw invalid(`Filtering by ${filter.entity} is only supported for the view ${viewOf[filter.entity]}.`)
}

function wrong(field: string, value: unknown, allowed: readonly string[]): ReturnType<typeof invalid> {
  const problem: Problem = { field, value, allowed: allowed.join(', ') || 'nothing' }
  return invalid(`${field} is not accepted: ${JSON.stringify(value) ?? 'nothing'}. Supported: ${problem.allowed}.`, [
    problem,
  ])
}
