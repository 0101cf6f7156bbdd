/**
 * What a request view computes of one row: a pure expression that always ends and never throws. It is written in SQL
 * (`parse.ts`), typed against the columns that it may read (`check.ts`), and computed by one function (`run.ts`) when a
 * training set is made and when a request comes.
 */

export const valueTypes = ['boolean', 'integer', 'number', 'string', 'date', 'timestamp'] as const
export type ValueType = (typeof valueTypes)[number]

/** Dates and timestamps are milliseconds since 1970, UTC; a number is finite, an integer exact in JSON. */
export type Value = boolean | number | string | null

/** How DuckDB stores values of each type. */
export const storedTypes: Readonly<Record<ValueType, string>> = {
  boolean: 'BOOLEAN',
  integer: 'BIGINT',
  number: 'DOUBLE',
  string: 'VARCHAR',
  date: 'BIGINT',
  timestamp: 'BIGINT',
}

/** Of which operations are there, `run.ts` has the list. Types have been checked: an operation takes what it is given. */
export type Expression =
  | { readonly column: string }
  | { readonly value: Value }
  | { readonly call: string; readonly of: readonly Expression[] }

/** The columns that an expression reads. */
export function columnsOf(expression: Expression, into = new Set<string>()): ReadonlySet<string> {
  if ('column' in expression) into.add(expression.column)
  if ('call' in expression) for (const part of expression.of) columnsOf(part, into)
  return into
}
