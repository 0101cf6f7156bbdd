import { sql, type Expression, type RawBuilder, type SqlBool } from 'kysely'
import { toPage, type Page } from '#kernel/page.ts'
import { malformed, type Cursors, type CursorValue } from './cursor.ts'
import { bound } from './bound.ts'

/** One column of an ordering. The last term must be unique, so that pages neither skip nor repeat a row. */
export interface OrderTerm {
  readonly column: Expression<unknown>
  readonly descending: boolean
  /** What the column holds: a cursor with another kind of value is refused, not sent to the database. */
  readonly type: 'number' | 'text'
  /** NULLs come last, in both directions. Default false: left out, an index gives the order. */
  readonly nullable?: boolean
}

/** What follows `order by`. */
export const orderSql = (terms: readonly OrderTerm[]): RawBuilder<unknown> =>
  sql.join(
    terms.map(
      ({ column, descending, nullable }) =>
        sql`${column} ${sql.raw(descending ? 'desc' : 'asc')}${sql.raw(nullable === true ? ' nulls last' : '')}`,
    ),
  )

export type Places = Readonly<Record<string, CursorValue>>

/** Columns that say where a row stands in the ordering of `terms`: {@link orderedPage} reads them. */
export const placesSql = (terms: readonly OrderTerm[]): RawBuilder<unknown> =>
  sql.join(terms.map(({ column }, index) => sql`${column} as ${sql.ref(`o${index}`)}`))

/** Cuts `limit + 1` rows with their places to a page whose cursor is that of its last row. */
export const orderedPage = <Row>(
  rows: readonly (Row & Places)[],
  limit: number,
  { terms, cursors }: { terms: readonly OrderTerm[]; cursors: Pick<Cursors, 'encode'> },
): Page<Row> => toPage(rows, limit, row => cursors.encode(terms.map((_, index) => row[`o${index}`] ?? null)))

/**
 * Rows behind the row that has `values` in the ordering of `terms`. Throws `invalid` if a value is not of its term's
 * type, for cursors come from clients.
 */
export function afterSql(terms: readonly OrderTerm[], values: readonly KeyValue[]): Expression<SqlBool> {
  const fits = terms.length === values.length && terms.every((term, index) => holds(term, values[index]!))
  if (!fits) throw malformed(undefined)
  const [first] = terms
  const after = afterFrom(terms, values)
  if (first === undefined || first.nullable === true) return after
  // The outer bound says nothing new; it lets both engines start the index at the cursor.
  return sql`(${first.column} ${sql.raw(first.descending ? '<=' : '>=')} ${bound(values[0]!)} and ${after})`
}

function afterFrom(terms: readonly OrderTerm[], values: readonly KeyValue[]): RawBuilder<SqlBool> {
  const [term, ...otherTerms] = terms
  const [value, ...otherValues] = values
  if (term === undefined || value === undefined) return sql`1 = 0`
  const { column, descending, nullable } = term
  const later = otherTerms.length === 0 ? undefined : afterFrom(otherTerms, otherValues)
  if (value === null) return later === undefined ? sql`1 = 0` : sql`(${column} is null and ${later})`
  const parts = [sql<SqlBool>`${column} ${sql.raw(descending ? '<' : '>')} ${bound(value)}`]
  if (nullable === true) parts.push(sql`${column} is null`)
  if (later !== undefined) parts.push(sql`(${column} = ${bound(value)} and ${later})`)
  return sql`(${sql.join(parts, sql` or `)})`
}

/** What a column may hold, whole numbers beyond 2^53 too, which no cursor has. */
type KeyValue = CursorValue | bigint

const holds = ({ type, nullable }: OrderTerm, value: KeyValue): boolean => {
  if (value === null) return nullable === true
  return type === 'text' ? typeof value === 'string' : typeof value !== 'string'
}
