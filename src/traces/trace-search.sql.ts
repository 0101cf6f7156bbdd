import { sql, type Expression, type Kysely, type RawBuilder, type SqlBool } from 'kysely'
import { compare, exists, type Condition, type Filter, type Order, type OrderTerm } from '#search'
import { engineOf, type Engine } from '#storage'
import { assessmentCondition } from './assessment-search.sql.ts'
import type { TraceTables } from './tables.ts'
import { known } from './trace.ts'

/** Characters of a label's value that the index holds. */
export const headCharacters = 40
/** Where fewer traces than this have a value, they are found by the value; else traces are asked in their order. */
const rareMax = 2_000

type Tables = Kysely<TraceTables>

/**
 * A filter over table `trace`. Each condition is an EXISTS of its own (those on spans one for all), so that a page of the newest traces ends as soon
 * as it is full; a value that few traces have is looked up instead, for then nearly all traces would be asked.
 */
export async function traceFilter(db: Tables, filter: Filter | undefined): Promise<Expression<SqlBool> | undefined> {
  if (!filter) return undefined
  const engine = engineOf(db)
  const rare = await rareOnes(db, filter)
  const leaf = (condition: Condition): Expression<SqlBool> => {
    const ids = rare.get(condition)
    if (isOfSpan(condition)) return onOneSpan(engine, [condition], ids)
    return ids ? sql`trace.id in (${ids})` : conditionSql(engine, condition)
  }
  return combined(filter, leaf, spans => onOneSpan(engine, spans, spans.map(each => rare.get(each)).find(Boolean)))
}

/**
 * Conditions that few traces fulfil, with the ids of these. Of conditions that must all hold the rarest is enough: the
 * others are asked of what it leads to.
 */
async function rareOnes(db: Tables, filter: Filter): Promise<ReadonlyMap<Condition, RawBuilder<unknown>>> {
  const rare = new Map<Condition, RawBuilder<unknown>>()
  const all = new Set<Filter>('and' in filter ? flat(filter.and) : [])
  let rarest: { condition: Condition; n: number } | undefined
  for (const condition of conditionsOf(filter)) {
    const ids = lookup(condition)
    if (!ids) continue
    const most = all.has(condition) ? (rarest?.n ?? rareMax) : rareMax
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from (${ids} limit ${sql.lit(most)}) as found`.execute(db)
    const n = Number(rows[0]!.n)
    if (n >= most) continue
    rare.set(condition, ids)
    if (!all.has(condition)) continue
    if (rarest) rare.delete(rarest.condition)
    rarest = { condition, n }
  }
  return rare
}

const isOfSpan = ({ entity, key }: Condition): boolean =>
  entity === 'span' || (entity === 'attribute' && key === 'text')

/** Conditions on spans that are joined by AND hold on one and the same span. */
function combined(
  filter: Filter,
  leaf: (condition: Condition) => Expression<SqlBool>,
  together: (conditions: readonly Condition[]) => Expression<SqlBool>,
): Expression<SqlBool> {
  if ('or' in filter)
    return joined(
      filter.or.map(part => combined(part, leaf, together)),
      sql` or `,
    )
  if (!('and' in filter)) return leaf(filter)
  const parts = flat(filter.and)
  const spans = parts.filter((part): part is Condition => 'entity' in part && isOfSpan(part))
  const others = parts.filter(part => !('entity' in part && isOfSpan(part)))
  const all = others.map(part => combined(part, leaf, together))
  return joined(spans.length === 0 ? all : [...all, together(spans)], sql` and `)
}

const flat = (parts: readonly Filter[]): readonly Filter[] =>
  parts.flatMap(part => ('and' in part ? flat(part.and) : [part]))

const joined = (parts: readonly Expression<SqlBool>[], word: RawBuilder<unknown>): RawBuilder<SqlBool> =>
  sql`(${sql.join(parts, word)})`

/** `ids` are traces among which it must be, where one of the conditions is rare. */
function onOneSpan(engine: Engine, conditions: readonly Condition[], ids?: RawBuilder<unknown>): Expression<SqlBool> {
  const holds = joined(
    conditions.map(condition => spanCondition(engine, condition)),
    sql` and `,
  )
  const found = exists(sql`select 1 from span where span.trace_id = trace.id and ${holds}`)
  return ids ? sql`(trace.id in (${ids}) and ${found})` : found
}

const conditionsOf = (filter: Filter): readonly Condition[] =>
  'and' in filter ? filter.and.flatMap(conditionsOf) : 'or' in filter ? filter.or.flatMap(conditionsOf) : [filter]

/** The ids of the traces that have this value, where an index finds them. */
function lookup({ entity, key, operator, value }: Condition): RawBuilder<unknown> | undefined {
  if (operator !== '=' || typeof value !== 'string') return undefined
  const label = labelOf(entity, key)
  if (label && key !== 'run_id')
    return sql`select trace_id from trace_label where kind = ${label.kind} and key = ${label.key}
      and head = ${value.slice(0, headCharacters)} and value = ${value}`
  return entity === 'span' && key === 'name' ? sql`select trace_id from span where name = ${value}` : undefined
}

function labelOf(entity: string, key: string): { kind: string; key: string } | undefined {
  if (entity === 'tag' || entity === 'metadata') return { kind: entity, key }
  if (entity !== 'attribute') return undefined
  if (key === 'name') return { kind: 'tag', key: known.name }
  return key === 'run_id' ? { kind: 'metadata', key: known.sourceRun } : undefined
}

const columns: Readonly<Record<string, RawBuilder<unknown>>> = {
  timestamp_ms: sql`trace.requested_at`,
  execution_time_ms: sql`trace.duration_ms`,
  end_time_ms: sql`(trace.requested_at + coalesce(trace.duration_ms, 0))`,
  status: sql`trace.state`,
  request_id: sql`trace.id`,
  client_request_id: sql`trace.client_request_id`,
  experiment_id: sql`trace.experiment_id`,
}

/** What a condition means for the row of `trace` that is looked at; conditions on spans apart. */
export function conditionSql(engine: Engine, condition: Condition): Expression<SqlBool> {
  const { entity, key, operator } = condition
  const column = entity === 'attribute' ? columns[key] : undefined
  if (column) return compare(engine, column, condition)
  if (entity === 'attribute' && key === 'run_id') return runCondition(engine, condition)
  if (entity === 'attribute' && key === 'prompt') return promptCondition(condition)
  const label = labelOf(entity, key)
  if (label) {
    const labels = sql`select 1 from trace_label where trace_id = trace.id and kind = ${label.kind} and key = ${label.key}`
    if (operator === 'IS NULL') return sql`not ${exists(labels)}`
    return exists(sql`${labels} and ${compare(engine, sql`value`, condition)}`)
  }
  return assessmentCondition(engine, condition)
}

/** The run a trace was made in, or one that it was linked to. */
function runCondition(engine: Engine, condition: Condition): Expression<SqlBool> {
  const made = sql`select 1 from trace_label where trace_id = trace.id and kind = 'metadata' and key = ${known.sourceRun}`
  if (condition.operator === 'IS NULL') return sql`not ${exists(made)}`
  const same = exists(sql`${made} and ${compare(engine, sql`value`, condition)}`)
  if (condition.operator !== '=') return same
  return sql`(${same} or trace.id in (select trace_id from trace_run where run_id = ${condition.value}))`
}

/** `name/version` of a prompt that was linked. */
function promptCondition({ value }: Condition): Expression<SqlBool> {
  const [name, version] = String(value).split('/')
  return exists(
    sql`select 1 from trace_prompt where trace_id = trace.id and name = ${name} and version = ${version ?? ''}`,
  )
}

/** About the row of `span` that is looked at. */
function spanCondition(engine: Engine, condition: Condition): Expression<SqlBool> {
  const { key } = condition
  if (key === 'text' || key === 'content') return compare(engine, sql`span.content`, condition)
  if (!key.startsWith('attributes.')) return compare(engine, sql.ref(`span.${key}`), condition)
  const name = key.slice('attributes.'.length)
  return engine === 'sqlite' ? sqliteAttribute(name, condition) : postgresAttribute(name, condition)
}

const valueFields = ['string_value', 'int_value', 'double_value', 'bool_value', 'array_value', 'kvlist_value']

// The text of an attribute: a string as it is, anything else as JSON. The engines name the parts of JSON differently.
function sqliteAttribute(name: string, condition: Condition): Expression<SqlBool> {
  const value = sql.join(valueFields.map(field => sql`json_extract(a.value, ${sql.lit(`$.value.${field}`)})`))
  const text = sql`cast(case json_type(a.value, '$.value.bool_value') when 'true' then 'true' when 'false' then 'false'
    else coalesce(${value}) end as text)`
  return exists(sql`select 1 from json_each(span.content, '$.attributes') as a
    where json_extract(a.value, '$.key') = ${name} and ${compare('sqlite', text, condition)}`)
}

function postgresAttribute(name: string, condition: Condition): Expression<SqlBool> {
  const value = sql.join(valueFields.map(field => sql`a.value -> 'value' ->> ${sql.lit(field)}`))
  return exists(sql`select 1 from json_array_elements(span.content::json -> 'attributes') as a(value)
    where a.value ->> 'key' = ${name} and ${compare('postgres', sql`coalesce(${value})`, condition)}`)
}

const newestFirst: readonly OrderTerm[] = [
  { column: sql`trace.requested_at`, descending: true, type: 'number' },
  { column: sql`trace.id`, descending: false, type: 'text' },
]

const numbers = new Set(['timestamp_ms', 'execution_time_ms', 'end_time_ms'])
const always = new Set(['timestamp_ms', 'end_time_ms', 'status', 'request_id', 'experiment_id'])

/** The order asked for, then newest first, then by id. */
export function traceOrder(orders: readonly Order[]): readonly OrderTerm[] {
  const terms = orders.map(({ entity, key, descending }): OrderTerm => {
    const own = entity === 'attribute' ? columns[key] : undefined
    const label = labelOf(entity, key)
    return {
      column:
        own ??
        sql`(select value from trace_label where trace_id = trace.id and kind = ${label?.kind} and key = ${label?.key})`,
      descending,
      type: own && numbers.has(key) ? 'number' : 'text',
      nullable: !(own && always.has(key)),
    }
  })
  const by = (name: string): boolean => orders.some(({ entity, key }) => entity === 'attribute' && key === name)
  return [...terms, ...newestFirst.filter((_, index) => !by(index === 0 ? 'timestamp_ms' : 'request_id'))]
}
