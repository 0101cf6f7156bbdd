import { sql, type Expression, type RawBuilder, type SqlBool } from 'kysely'
import { compare, filterSql, type Condition, type Filter, type Order } from '#search'
import type { Engine } from '#storage'
import { attributes, indexed, isCut, isKeyed, keyedTables, type KeyNumbers } from './run-field.sql.ts'

/**
 * A condition about run `r`, whose number is `run`. Each is a value of the row, never a join: an engine that turns it
 * into one may read every row that fulfils it where the first hundred would do.
 */
export function runCondition(
  { engine, numbers, run = sql.ref('r.seq') }: Asked,
  { entity, key, operator, value }: Condition,
): Expression<SqlBool> {
  const said = { operator, ...(value !== undefined && { value }) }
  if (entity === 'attributes') return compare(engine, sql.ref(attributes[key]!.column), said)
  if (!isKeyed(entity)) {
    const column = sql.ref(key === 'context' ? 'i.context' : `d.${key}`)
    return sql`(select 1 from tracking_input as i join tracking_dataset as d on d.id = i.dataset
                where i.run = ${run} and ${compare(engine, column, said)} limit 1) = 1`
  }
  const rows = sql`select 1 from ${sql.table(keyedTables[entity])} as c
                   where c.run = ${run} and c.key = ${numbers.get(key)}`
  if (operator === 'IS NULL') return sql`(${rows}) is null`
  if (operator === 'IS NOT NULL') return sql`(${rows}) = 1`
  return sql`(${rows} and ${rowHolds(engine, 'c', { entity, key, ...said })}) = 1`
}

interface Asked {
  readonly engine: Engine
  readonly numbers: KeyNumbers
  readonly run?: RawBuilder<unknown>
}

/** What is said of a row of a metric, param or tag. NaN is not equal to any number, and neither more nor less. */
function rowHolds(engine: Engine, row: 'c' | 't', { entity, operator, value }: Condition): Expression<SqlBool> {
  const holds = compare(engine, sql.ref(`${row}.value`), { operator, ...(value !== undefined && { value }) })
  if (entity !== 'metrics') return holds
  const isNan = sql.ref(`${row}.is_nan`)
  return operator === '!=' ? sql`(${isNan} = 1 or ${holds})` : sql`(${isNan} = 0 and ${holds})`
}

/**
 * The filter for a row `t` of the field that orders: conditions on that field are ranges of the index that is walked, and
 * others are asked of `t.run`, so that only runs that fulfil them are looked up.
 */
export function rowFilter(
  engine: Engine,
  { filter, first, numbers }: { filter: Filter | undefined; first: Order; numbers: KeyNumbers },
): Expression<SqlBool> {
  const parts = conjuncts(filter).map(part => {
    const isOwn = 'operator' in part && isKeyed(part.entity) && part.entity === first.entity && part.key === first.key
    if (isOwn && part.value !== undefined) return rowHolds(engine, 't', part)
    return filterSql(part, condition => runCondition({ engine, numbers, run: sql.ref('t.run') }, condition))
  })
  return parts.length === 0 ? sql`1 = 1` : sql`(${sql.join(parts, sql` and `)})`
}

/** All the filters as one. */
export const allOf = (
  parts: readonly Filter[],
  leaf: (condition: Condition) => Expression<SqlBool>,
): Expression<SqlBool> =>
  parts.length === 0
    ? sql`1 = 1`
    : sql`(${sql.join(
        parts.map(part => filterSql(part, leaf)),
        sql` and `,
      )})`

/** The conditions that all hold. */
export const conjuncts = (filter: Filter | undefined): readonly Filter[] =>
  filter === undefined ? [] : 'and' in filter ? filter.and : [filter]

/** Runs that an index leads to: `select … as run`. */
export interface Behind {
  readonly runs: RawBuilder<unknown>
  /** These and perhaps a few more, by the beginning of a text alone. */
  readonly atMost: RawBuilder<unknown>
  /** Whether they are counted without being looked up: neither engine has all that an index of a beginning has from it. */
  readonly isInIndex: boolean
}

/** The runs of experiments that fulfil a condition. Undefined when no index leads there. */
export function runsBehind(
  engine: Engine,
  { filter, experiments, numbers }: { filter: Filter; experiments: readonly number[]; numbers: KeyNumbers },
): Behind | undefined {
  if (!('operator' in filter)) return undefined
  const { entity, key, operator, value } = filter
  const said = { operator, ...(value !== undefined && { value }) }
  const isRange = operator === '<' || operator === '<=' || operator === '>' || operator === '>='
  const within = sql`experiment in (${sql.join(experiments)})`
  if (entity === 'metrics' && (operator === '=' || isRange))
    return exactly(sql`select t.run from tracking_latest as t
               where t.${within} and t.key = ${numbers.get(key)} and t.is_nan = 0
                 and ${compare(engine, sql.ref('t.value'), said)}`)
  if (isKeyed(entity) && entity !== 'metrics' && operator === '=')
    return byBeginning(
      sql`select t.run from ${sql.table(keyedTables[entity])} as t where t.${within} and t.key = ${numbers.get(key)}`,
      't.value',
      value,
    )
  if (entity === 'datasets' && (operator === '=' || operator === 'IN') && key !== 'context')
    return exactly(sql`select i.run from tracking_input as i join tracking_dataset as d on d.id = i.dataset
               where d.${within} and ${compare(engine, sql.ref(`d.${key}`), said)}`)
  const attribute = entity === 'attributes' ? attributes[key] : undefined
  if (attribute?.isIndexed !== true || !(operator === '=' || operator === 'IN' || isRange)) return undefined
  const { column } = attribute
  const all = sql`select r.seq as run from tracking_run as r where r.${within}`
  if (operator === '=' && isCut(column)) return byBeginning(all, column, value)
  const found = sql`${all} and ${compare(engine, sql.ref(column), said)}`
  return exactly(key === 'start_time' ? sql`${found} and r.lifecycle in ('active', 'deleted')` : found)
}

const exactly = (runs: RawBuilder<unknown>): Behind => ({ runs, atMost: runs, isInIndex: true })

function byBeginning(all: RawBuilder<unknown>, column: string, value: Condition['value']): Behind {
  const atMost = sql`${all} and ${indexed(column)} = substr(${value}, 1, 200)`
  return { runs: sql`${atMost} and ${sql.ref(column)} = ${value}`, atMost, isInIndex: false }
}
