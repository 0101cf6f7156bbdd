import { sql, type RawBuilder } from 'kysely'
import type { Int64 } from '#kernel/int64.ts'

/**
 * A parameter that says its type, in words of both engines: PostgreSQL would take the type from the column, and fail
 * on 1.5 beside a bigint. Integers stay integers there, so that an index of integers is used.
 */
export const bound = (value: Int64 | string): RawBuilder<unknown> =>
  typeof value === 'string'
    ? sql`cast(${value} as text)`
    : typeof value === 'bigint' || Number.isSafeInteger(value)
      ? sql`cast(${value} as bigint)`
      : sql`cast(${value} as double precision)`
