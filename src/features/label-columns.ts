import { textOf } from '#data'
import { identifier, type Duckdb } from '#storage'
import type { ValueType } from './expression/expression.ts'
import type { PlannedColumn } from './request-plan.ts'
import { unfit } from './rules.ts'

/** What requests bring, as columns of a label's rows. */

/** How the column at a place is called among the label's rows. */
export const carriedColumn = (place: number): string => `__carried_${place}`

/** Types of a label's rows that a column of a request may be read from. */
const readable: Readonly<Record<ValueType, readonly string[]>> = {
  boolean: ['boolean'],
  integer: ['integer'],
  number: ['number', 'integer'],
  string: ['string'],
  date: ['date', 'timestamp'],
  timestamp: ['timestamp', 'date'],
}

/** Throws `invalid` unless the label's file answers all of them, in their types. */
export function requireRequestColumns(
  path: string,
  carried: readonly PlannedColumn[],
  types: ReadonlyMap<string, string | undefined>,
): void {
  for (const { name, type, view } of carried) {
    if (!types.has(name))
      throw unfit(
        path,
        name,
        `a column ${name}, which requests bring for ${view}; it answers ${[...types.keys()].join(', ')}`,
      )
    const found = types.get(name)
    if (!readable[type].includes(found ?? ''))
      throw unfit(path, name, `${readable[type].join(' or ')}, as ${view} declares it, not ${found ?? 'this type'}`)
  }
}

/** SQL: each as a value of an expression; dates and timestamps are milliseconds, cut off as an instant of a request is. */
export const requestSelect = (carried: readonly PlannedColumn[]): string[] =>
  carried.map(({ name, type }, place) => `${valueSql(identifier(name), type)} as ${carriedColumn(place)}`)

function valueSql(column: string, type: ValueType): string {
  if (type === 'date') return `epoch_ms(cast(cast(${column} as date) as timestamp))`
  if (type === 'timestamp') return `cast(floor(epoch_us(cast(${column} as timestamp)) / 1000) as bigint)`
  const kept = { boolean: 'boolean', integer: 'bigint', number: 'double', string: 'varchar' } as const
  return `cast(${column} as ${kept[type]})`
}

interface Checking {
  readonly typed: string
  readonly carried: readonly PlannedColumn[]
  readonly path: string
  readonly signal: AbortSignal
}

/** Throws `invalid` for values that no request could bring. */
export async function checkCarried(duckdb: Duckdb, { typed, carried, path, signal }: Checking): Promise<void> {
  const numbers = carried.flatMap(({ name, type }, place) => {
    const column = carriedColumn(place)
    if (type === 'number') return [{ name, wrong: `not isfinite(${column})` }]
    return type === 'integer' ? [{ name, wrong: `abs(${column}::hugeint) > ${Number.MAX_SAFE_INTEGER}` }] : []
  })
  if (numbers.length === 0) return
  const counts = numbers.map(({ wrong }, at) => `count(*) filter (${wrong}) as n${at}`)
  const [row] = await duckdb.query([typed, `select ${counts.join(', ')} from asked where label is not null`], signal)
  for (const [at, { name }] of numbers.entries())
    if (row![`n${at}`] !== 0)
      throw unfit(
        path,
        name,
        `finite numbers of at most ±${Number.MAX_SAFE_INTEGER} when whole, or NULL; ${textOf(row![`n${at}`])} rows have others`,
      )
}
