import { sql, type Expression, type Kysely, type RawBuilder, type SqlBool } from 'kysely'
import { compare, filterSql, type Condition } from '#search'
import { engineOf, type Engine } from '#storage'
import { measureOf } from './assessment-search.sql.ts'
import type { TraceTables } from './tables.ts'
import { aggregationName, timeBucket, type Aggregation, type MetricPoint, type MetricQuery } from './trace-metric.ts'
import { conditionSql } from './trace-search.sql.ts'
import { known } from './trace.ts'

/**
 * A metric of many traces, grouped by the database: the inner statement has a row for each trace, span or assessment,
 * with its value and dimensions, the outer one puts them together.
 */
export async function measureTraces(db: Kysely<TraceTables>, query: MetricQuery): Promise<readonly MetricPoint[]> {
  if (query.experiments.length === 0) return []
  const engine = engineOf(db)
  const groups = dimensionsOf(query)
  const names = groups.map((_, index) => sql.ref(`d${index}`))
  const inner = sql`select ${valueOf(engine, query)} as v${sql.join(
    groups.map(({ column }, index) => sql`, ${column} as ${names[index]!}`),
    sql``,
  )} from ${sources[query.view]} where ${sql.join(conditions(engine, query), sql` and `)}`
  const values = query.aggregations.map(
    (each, index) => sql`${aggregate(engine, query, each)} as ${sql.ref(`a${index}`)}`,
  )
  const present = [sql`v is not null`, ...names.map(name => sql`${name} is not null`)]
  const grouped = names.length === 0 ? sql`` : sql`group by ${sql.join(names)} order by ${sql.join(names)}`
  const { rows } = await sql<Record<string, number | string | null>>`
    select ${sql.join([...names, ...values])} from (${inner}) as measured
    where ${sql.join(present, sql` and `)} ${grouped} limit ${query.limit}`.execute(db)
  return rows.flatMap(row => pointOf(row, query, groups))
}

interface Group {
  readonly name: string
  readonly column: RawBuilder<unknown>
}

function pointOf(
  row: Readonly<Record<string, number | string | null>>,
  { aggregations }: MetricQuery,
  groups: readonly Group[],
): readonly MetricPoint[] {
  const values = aggregations.flatMap((aggregation, index) => {
    const value = row[`a${index}`]
    return value === null || value === undefined ? [] : [[aggregationName(aggregation), Number(value)] as const]
  })
  if (values.length === 0) return []
  const dimensions = groups.map(({ name }, index) => {
    const value = row[`d${index}`]!
    return [name, name === timeBucket ? isoSecond(Number(value)) : String(value)] as const
  })
  return [{ dimensions: Object.fromEntries(dimensions), values: Object.fromEntries(values) }]
}

/** As Python writes it, which MLflow's clients read. */
const isoSecond = (at: number): string => new Date(at).toISOString().replace('.000Z', '+00:00')

const sources: Readonly<Record<MetricQuery['view'], RawBuilder<unknown>>> = {
  TRACES: sql`trace`,
  SPANS: sql`span join trace on trace.id = span.trace_id`,
  ASSESSMENTS: sql`assessment join trace on trace.id = assessment.trace_id and assessment.valid = 1`,
}

const labelled = (kind: 'tag' | 'metadata', key: string): RawBuilder<unknown> =>
  sql`(select value from trace_label where trace_id = trace.id and kind = ${sql.lit(kind)} and key = ${sql.lit(key)})`

const columns: Readonly<Record<string, RawBuilder<unknown>>> = {
  trace_name: labelled('tag', known.name),
  trace_status: sql`trace.state`,
  span_name: sql`span.name`,
  span_type: sql`span.type`,
  span_status: sql`span.status`,
  span_model_name: sql`span.model`,
  span_model_provider: sql`span.provider`,
  assessment_name: sql`assessment.name`,
  assessment_value: sql`assessment.value`,
}

const isCost = ({ metric }: Pick<MetricQuery, 'metric'>): boolean => metric.endsWith('_cost')
const spanStart = sql`span.start_ns / 1000000`

function dimensionsOf({ view, dimensions, intervalSeconds }: MetricQuery): readonly Group[] {
  const named = dimensions.map(name => ({ name, column: columns[name]! }))
  if (intervalSeconds === undefined) return named
  const at = view === 'SPANS' ? spanStart : sql`trace.requested_at`
  const step = sql.lit(intervalSeconds * 1000)
  return [{ name: timeBucket, column: sql`${at} - ((${at}) % ${step} + ${step}) % ${step}` }, ...named]
}

function valueOf(engine: Engine, { view, metric }: MetricQuery): RawBuilder<unknown> {
  if (metric.endsWith('_tokens')) return tokensOf(engine, metric)
  if (metric === 'session_count') return labelled('metadata', known.session)
  if (metric === 'assessment_value') return measureOf(engine)
  if (isCost({ metric })) return sql.ref(`span.${metric}`)
  if (metric !== 'latency') return sql`1`
  return view === 'SPANS' ? sql`(span.end_ns - span.start_ns) / 1000000` : sql`trace.duration_ms`
}

/** A count of metadata that anyone may have written: what is no whole number is none. */
function tokensOf(engine: Engine, key: string): RawBuilder<unknown> {
  const value =
    engine === 'sqlite'
      ? sql`case when json_valid(value) then case json_type(value, ${sql.lit(`$.${key}`)}) when 'integer'
          then json_extract(value, ${sql.lit(`$.${key}`)}) end end`
      : sql`cast(substring(value from ${sql.lit(`"${key}"\\s*:\\s*([0-9]{1,15})(?![0-9.eE])`)}) as bigint)`
  return sql`(select ${value} from trace_label where trace_id = trace.id and kind = 'metadata'
    and key = ${sql.lit(known.tokenUsage)})`
}

function aggregate(
  engine: Engine,
  { metric }: MetricQuery,
  { type, percentile = 0 }: Aggregation,
): RawBuilder<unknown> {
  if (type === 'COUNT') return metric === 'session_count' ? sql`count(distinct v)` : sql`count(v)`
  if (type !== 'PERCENTILE') return sql`${sql.raw(type.toLowerCase())}(v)`
  const part = sql.lit(percentile / 100)
  return engine === 'sqlite'
    ? sql`percentile_cont(v, ${part})`
    : sql`percentile_cont(${part}) within group (order by v)`
}

function conditions(engine: Engine, query: MetricQuery): readonly Expression<SqlBool>[] {
  const { experiments, filters, from, to } = query
  const at = isCost(query) ? spanStart : sql`trace.requested_at`
  return [
    sql<SqlBool>`trace.experiment_id in (${sql.join(experiments)})`,
    ...(from === undefined ? [] : [sql<SqlBool>`${at} >= ${from}`]),
    ...(to === undefined ? [] : [sql<SqlBool>`${at} <= ${to}`]),
    ...filters.map(filter => filterSql(filter, condition => leaf(engine, condition))),
  ]
}

/** What `trace.tag.env`, `span.name` or `assessment.type` mean here. */
function leaf(engine: Engine, condition: Condition): Expression<SqlBool> {
  const { entity, key } = condition
  if (entity === 'span') return compare(engine, sql.ref(`span.${key}`), condition)
  if (entity === 'assessment')
    return compare(engine, sql.ref(key === 'type' ? 'assessment.kind' : 'assessment.name'), condition)
  if (key === 'status') return conditionSql(engine, { ...condition, entity: 'attribute' })
  const [kind = '', ...rest] = key.split('.')
  const name = rest.join('.')
  if (name === known.sourceRun) return conditionSql(engine, { ...condition, entity: 'attribute', key: 'run_id' })
  return conditionSql(engine, { ...condition, entity: kind, key: name })
}
