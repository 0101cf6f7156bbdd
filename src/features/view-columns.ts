import type { Millis } from '#kernel/clock.ts'
import { columnType, textOf } from '#data'
import { identifier, type Duckdb } from '#storage'
import { eventTime, reserved } from './feature-version.ts'
import { unfit } from './rules.ts'

/** A column of a feature version. */
export interface Column {
  readonly name: string
  readonly type: string
  /** SQL: the column in the type in which it is kept. */
  readonly select: string
}

const featureName = /^[A-Za-z_]\w*$/
const kept: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  integer: 'bigint',
  number: 'double',
  string: 'varchar',
}

/** Key, event time, features, in this order and in our types. */
export function checkedColumns(path: string, key: string, found: readonly { name: string; type: string }[]): Column[] {
  const names = found.map(column => column.name).join(', ')
  const [keyColumn, time] = [key, eventTime].map(name => {
    const column = found.find(each => each.name === name)
    if (!column) throw unfit(path, name, `a column ${name}; it answers ${names}`)
    return column
  })
  if (!['string', 'integer', 'date'].includes(columnType(keyColumn!.type) ?? ''))
    throw unfit(path, key, `text, whole numbers or dates as key, not ${keyColumn!.type}`)
  if (!['timestamp', 'date'].includes(columnType(time!.type) ?? ''))
    throw unfit(path, eventTime, `a timestamp or date, not ${time!.type}`)
  const features = found.filter(column => column !== keyColumn && column !== time).map(column => feature(path, column))
  if (features.length === 0) throw unfit(path, '*', `at least one feature beside ${key} and ${eventTime}`)
  return [
    { name: key, type: 'string', select: `cast(${identifier(key)} as varchar) as ${identifier(key)}` },
    { name: eventTime, type: 'timestamp', select: `${wholeMillis(eventTime, 'ceil')} as ${identifier(eventTime)}` },
    ...features,
  ]
}

function feature(path: string, { name, type }: { name: string; type: string }): Column {
  const ours = columnType(type) ?? ''
  const stored = kept[ours]
  if (!featureName.test(name)) throw unfit(path, name, 'a name of letters, digits and _: give it one with AS')
  if ((reserved as readonly string[]).includes(name))
    throw unfit(path, name, 'another name: this one is taken by the label')
  if (stored === undefined) throw unfit(path, name, `a number, boolean or text, not ${type}`)
  return { name, type: ours, select: `cast(${identifier(name)} as ${stored}) as ${identifier(name)}` }
}

/**
 * SQL: an instant in whole milliseconds, in which the online store counts. A feature's is rounded up and a question's
 * down, so that rounding never lets a question see what came after it.
 */
export const wholeMillis = (column: string, round: 'ceil' | 'floor'): string =>
  `make_timestamp_ms(cast(${round}(epoch_us(cast(${identifier(column)} as timestamp)) / 1000) as bigint))`

interface Checking {
  readonly typed: string
  readonly columns: readonly Column[]
  readonly path: string
  readonly key: string
  readonly signal: AbortSignal
}

/** Each key and event time once and present, every number finite and exact in JSON. */
export async function checkRows(
  duckdb: Duckdb,
  { typed, columns, path, key, signal }: Checking,
): Promise<{ rows: number; from: Millis; to: Millis }> {
  const [keyColumn, time] = [identifier(key), identifier(eventTime)]
  const numbers = columns.filter(column => column.type === 'number' || column.type === 'integer')
  const wrong = ({ name, type }: Column): string =>
    type === 'number'
      ? `not isfinite(${identifier(name)})`
      : `abs(${identifier(name)}::hugeint) > ${Number.MAX_SAFE_INTEGER}`
  const counts = numbers.map((column, index) => `count(*) filter (${wrong(column)}) as n${index}`)
  const summary = `count(*) as rows, count(*) filter (${keyColumn} is null or ${time} is null) as unknown, epoch_ms(min(${time})) as from_time, epoch_ms(max(${time})) as to_time`
  const [row] = await duckdb.query([typed, `select ${[summary, ...counts].join(', ')} from typed`], signal)
  if (row!['rows'] === 0) throw unfit(path, '*', 'at least one row')
  if (row!['unknown'] !== 0)
    throw unfit(path, `${key}, ${eventTime}`, `a value in every row; ${textOf(row!['unknown'])} rows have none`)
  const where = async (test: string): Promise<string> => {
    const [first] = await duckdb.query(
      [
        typed,
        `select ${keyColumn} as key, strftime(${time}, '%Y-%m-%dT%H:%M:%S.%gZ') as at from typed where ${test} order by ${time}, ${keyColumn} limit 1`,
      ],
      signal,
    )
    return `${textOf(first!['key'])} at ${textOf(first!['at'])}`
  }
  for (const [index, column] of numbers.entries()) {
    const rows = Number(row![`n${index}`])
    if (rows > 0)
      throw unfit(
        path,
        column.name,
        `finite numbers of at most ±${Number.MAX_SAFE_INTEGER} when whole, or NULL; ${rows} rows have others, first ${await where(wrong(column))}`,
      )
  }
  const [twice] = await duckdb.query(
    [
      typed,
      `select sum(n - 1) as rows from (select count(*) as n from typed group by ${keyColumn}, ${time} having count(*) > 1)`,
    ],
    signal,
  )
  if (twice!['rows'] !== null) {
    const first = await where(
      `(${keyColumn}, ${time}) in (select (${keyColumn}, ${time}) from typed group by ${keyColumn}, ${time} having count(*) > 1)`,
    )
    throw unfit(
      path,
      `${key}, ${eventTime}`,
      `one row for a key and an event time; ${textOf(twice!['rows'])} rows repeat one, first ${first}`,
    )
  }
  return { rows: Number(row!['rows']), from: row!['from_time'] as Millis, to: row!['to_time'] as Millis }
}
