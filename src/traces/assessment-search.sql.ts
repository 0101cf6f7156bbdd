import { sql, type Expression, type RawBuilder, type SqlBool } from 'kysely'
import { compare, exists, type Condition } from '#search'
import type { Engine } from '#storage'

const comparesNumbers: ReadonlySet<string> = new Set(['<', '<=', '>', '>='])

/**
 * Whether a trace has an assessment like this. Only what is valid counts. A text may be asked for with or without the
 * quotes of its JSON.
 */
export function assessmentCondition(engine: Engine, condition: Condition): Expression<SqlBool> {
  const { entity, key, operator, value } = condition
  const valid = sql`select 1 from assessment where trace_id = trace.id and kind = ${entity} and valid = 1`
  if (entity === 'issue') return exists(sql`${valid} and name = ${value}`)
  const named = sql`${valid} and name = ${key}`
  if (operator === 'IS NULL') return sql`not ${exists(named)}`
  if (operator === 'IS NOT NULL') return exists(named)
  if (comparesNumbers.has(operator)) return exists(sql`${named} and ${compare(engine, numberOf(engine), condition)}`)
  const both = [sql`value`, sql`trim(value, '"')`].map(text => compare(engine, text, condition))
  const negative = operator === '!=' || operator === 'NOT IN'
  return exists(sql`${named} and (${sql.join(both, negative ? sql` and ` : sql` or `)})`)
}

/** The value of an assessment where it is a number of JSON, else NULL. */
const numberOf = (engine: Engine): RawBuilder<unknown> =>
  engine === 'sqlite'
    ? sql`case when json_type(value) in ('integer', 'real') then json_extract(value, '$') end`
    : sql`case when json_typeof(value::json) = 'number' then value::double precision end`

/** The value as it is averaged: a number, or 1 and 0 for true and false, yes and no. Else NULL. */
export const measureOf = (engine: Engine): RawBuilder<unknown> => sql`case
  when value = 'true' or lower(trim(value, '" ')) = 'yes' then 1
  when value = 'false' or lower(trim(value, '" ')) = 'no' then 0
  else ${numberOf(engine)} end`
