import { sql, type Expression, type RawBuilder, type SqlBool } from 'kysely'
import type { Engine } from '#storage'
import { bound } from './bound.ts'
import type { Condition, Filter } from './filter.ts'
import { postgresRegex, re2Regex } from './regex.ts'

/**
 * Whether there is such a row, asked of each row that is looked at. `offset 0` keeps PostgreSQL from making a join of it:
 * joins of as many tables as a filter has conditions take it minutes to plan.
 */
export const exists = (rows: Expression<unknown>): RawBuilder<SqlBool> => sql`exists (${rows} limit 1 offset 0)`

/** The filter as SQL; `leaf` says what a condition means, commonly {@link exists} around `compare`. */
export function filterSql(filter: Filter, leaf: (condition: Condition) => Expression<SqlBool>): Expression<SqlBool> {
  if ('and' in filter)
    return joined(
      filter.and.map(part => filterSql(part, leaf)),
      ' and ',
    )
  if ('or' in filter)
    return joined(
      filter.or.map(part => filterSql(part, leaf)),
      ' or ',
    )
  return leaf(filter)
}

/**
 * A column compared with the value of a condition. LIKE and RLIKE mind case, ILIKE does not. A NULL column is never
 * true, also for != and NOT IN (IS NULL apart). RLIKE finds a match anywhere, in linear time.
 */
export function compare(
  engine: Engine,
  column: Expression<unknown>,
  { operator, value }: Pick<Condition, 'operator' | 'value'>,
): Expression<SqlBool> {
  switch (operator) {
    case 'IS NULL':
      return sql`${column} is null`
    case 'IS NOT NULL':
      return sql`${column} is not null`
    case 'IN':
      return among(column, value as readonly string[], 'in')
    case 'NOT IN':
      return among(column, value as readonly string[], 'not in')
    case 'LIKE':
      return engine === 'sqlite'
        ? sql`${column} glob ${globOf(value as string)}`
        : sql`${column} like ${value} escape ''`
    case 'ILIKE':
      return ilike(engine, column, value as string)
    case 'RLIKE':
      return engine === 'sqlite'
        ? sql`${column} regexp ${re2Regex(value as string)}`
        : sql`${column} ~ ${postgresRegex(value as string)}`
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return sql`${column} ${sql.raw(operator)} ${bound(value as number | string)}`
  }
}

const joined = (parts: readonly Expression<SqlBool>[], word: string): RawBuilder<SqlBool> =>
  sql`(${sql.join(parts, sql.raw(word))})`

// `in ()` is no SQL in PostgreSQL: an empty list holds nothing, and everything but NULL is outside it.
const among = (column: Expression<unknown>, values: readonly string[], word: 'in' | 'not in'): Expression<SqlBool> =>
  values.length > 0
    ? sql`${column} ${sql.raw(word)} (${sql.join(values)})`
    : word === 'in'
      ? sql`1 = 0`
      : sql`${column} is not null`

// SQLite's LIKE folds ASCII only; beyond it the pattern goes as a regular expression.
function ilike(engine: Engine, column: Expression<unknown>, pattern: string): Expression<SqlBool> {
  if (engine === 'postgres') return sql`${column} ilike ${pattern} escape ''`
  if (/^\p{ASCII}*$/u.test(pattern)) return sql`${column} like ${pattern}`
  const body = pattern
    .replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
    .replaceAll('%', '.*')
    .replaceAll('_', '.')
  return sql`${column} regexp ${`(?is)^${body}$`}`
}

/** The pattern as a GLOB, which minds case: `*` and `?` for `%` and `_`; what GLOB would read is put into brackets. */
const globOf = (pattern: string): string =>
  pattern.replaceAll(/[*?[]/g, '[$&]').replaceAll('%', '*').replaceAll('_', '?')
