import type { ColumnType } from '#project'
import { identifier, literal, type Duckdb, type Row } from '#storage'
import type { z } from 'zod'
import { columnType } from './column-type.ts'
import { textOf } from './text.ts'
import type { ColumnProfileWire } from './wire.ts'

/** What a column looks like: enough to learn a contract from, and to draw. */
export type ColumnProfile = z.output<typeof ColumnProfileWire>

/** The order in which rows became true, for what is learned from their sequence; as read when nothing is said. */
export interface RowOrder {
  readonly by?: string | undefined
  readonly within?: readonly string[]
}

/** Beyond this many rows distinct values are estimated and sequences are not looked at. */
const exactRowsMax = 1_000_000
const topMax = 20
/** Squares of larger numbers overflow: DuckDB then throws instead of answering. */
const magnitudeMax = 1e150
const rowNumber = '__row'

/** The profile of every column of a Parquet file. NaN and infinities count as missing. */
export const profileParquet = (duckdb: Duckdb, path: string, order: RowOrder = {}): Promise<ColumnProfile[]> =>
  profileRows(duckdb, [`create temp view rows as ${numbered(path)}`], order)

/** The rows of a Parquet file with their number, from 0, in `__row`. */
export const numbered = (path: string): string =>
  `select * exclude (file_row_number), file_row_number as ${rowNumber} from read_parquet(${literal(path)}, file_row_number=true)`

/** Profiles the relation `rows`, with a column `__row`, that the statements set up: three scans. */
export async function profileRows(
  duckdb: Duckdb,
  setup: readonly string[],
  { by, within = [] }: RowOrder = {},
): Promise<ColumnProfile[]> {
  const described = await duckdb.query([...setup, `describe select * exclude (${rowNumber}) from rows`])
  const columns = described.flatMap(row => {
    const type = columnType(textOf(row['column_type']))
    return type === undefined ? [] : [column(textOf(row['column_name']), type)]
  })
  if (columns.length === 0) return []
  const [counted] = await duckdb.query([...setup, `select count(*) as n from rows`])
  const rows = Number(counted!['n'])
  const isExact = rows < exactRowsMax
  const [summary] = await duckdb.query([...setup, summaryQuery(columns, isExact)])
  const position = by === undefined ? rowNumber : `${identifier(by)}, ${rowNumber}`
  const tops = await duckdb.query([
    ...setup,
    `create temp view placed as select *, row_number() over (order by ${position}) as __place from rows`,
    columns.map(topQuery).join(' union all '),
  ])
  const [runs] = isExact ? await duckdb.query([...setup, runsQuery(columns, position, within)]) : []
  return columns.map((each, index) => profileOf(each, { rows, index, summary: summary!, tops, runs: runs ?? {} }))
}

interface Column {
  readonly name: string
  readonly type: ColumnType
  /** SQL: the value, NULL when it is missing, NaN or infinite. */
  readonly value: string
  /** SQL: the value as a double, for numbers, dates and instants. */
  readonly number: string | undefined
}

function column(name: string, type: ColumnType): Column {
  const raw = identifier(name)
  if (type === 'number') {
    const value = `case when isfinite(cast(${raw} as double)) then cast(${raw} as double) end`
    return { name, type, value, number: `case when abs(cast(${raw} as double)) < ${magnitudeMax} then ${raw} end` }
  }
  if (type === 'integer') return { name, type, value: raw, number: `cast(${raw} as double)` }
  if (type === 'boolean' || type === 'string') return { name, type, value: raw, number: undefined }
  return { name, type, value: raw, number: `cast(epoch_ms(cast(${raw} as timestamp)) as double)` }
}

function summaryQuery(columns: readonly Column[], isExact: boolean): string {
  const parts = columns.flatMap(({ value, number }, index) => {
    const distinct = isExact ? `count(distinct ${value})` : `approx_count_distinct(${value})`
    const basic = [`count(${value}) as present_${index}`, `${distinct} as distinct_${index}`]
    if (number === undefined) return basic
    const deciles = Array.from({ length: 11 }, (_, decile) => decile / 10).join(', ')
    return [
      ...basic,
      `min(${number}) as min_${index}`,
      `max(${number}) as max_${index}`,
      `avg(${number}) as mean_${index}`,
      `stddev_samp(${number}) as sd_${index}`,
      `quantile_cont(${number}, [${deciles}]) as quantiles_${index}`,
    ]
  })
  return `select ${parts.join(', ')} from rows`
}

const topQuery = ({ value }: Column, index: number): string =>
  `(select ${index} as position, cast(${value} as varchar) as value, count(*) as n, min(__place) as first from placed where ${value} is not null group by ${value} order by n desc, value limit ${topMax})`

/** The longest run of each column: rows since its value last changed, within each group. */
function runsQuery(columns: readonly Column[], position: string, within: readonly string[]): string {
  const groups = within.map((name, index) => `${identifier(name)} as __group_${index}`)
  const inside = (names: readonly string[]): string => (names.length > 0 ? `partition by ${names.join(', ')}` : '')
  const over = `over (${inside(within.map(identifier))} order by ${position})`
  const values = columns.flatMap(({ value }, index) => [
    `${value} is distinct from lag(${value}) ${over} as changed_${index}`,
    `${value} is not null as present_${index}`,
  ])
  const since = `over (${inside(within.map((_, index) => `__group_${index}`))} order by __at rows unbounded preceding)`
  const runs = columns.map(
    (_, index) => `__at - coalesce(max(case when changed_${index} then __at end) ${since}, 1) + 1 as run_${index}`,
  )
  const longest = columns.map((_, index) => `max(run_${index}) filter (present_${index}) as run_${index}`)
  const placed = `select ${[`row_number() ${over} as __at`, ...groups, ...values].join(', ')} from rows`
  return `select ${longest.join(', ')} from (select ${[...runs, ...columns.map((_, index) => `present_${index}`)].join(', ')} from (${placed}))`
}

interface Found {
  readonly rows: number
  readonly index: number
  readonly summary: Row
  readonly tops: readonly Row[]
  readonly runs: Row
}

function profileOf({ name, type }: Column, { rows, index, summary, tops, runs }: Found): ColumnProfile {
  const present = Number(summary[`present_${index}`])
  const distinct = Number(summary[`distinct_${index}`])
  const top = tops.filter(row => row['position'] === index)
  const last = Math.max(0, ...top.map(row => Number(row['first'])))
  const isListed = type === 'string' && distinct > 0 && distinct <= topMax
  const run = runs[`run_${index}`]
  return {
    name,
    type,
    count: rows,
    missing: rows - present,
    distinct,
    ...numbers(summary, index),
    top: top.map(row => ({ value: textOf(row['value']), count: Number(row['n']) })),
    ...(typeof run === 'number' ? { longestRun: run } : {}),
    ...(isListed ? { settledAt: last / rows } : {}),
  }
}

/** The statistics that exist and are finite. */
function numbers(summary: Row, index: number): Partial<ColumnProfile> {
  const names = ['min', 'max', 'mean', 'sd'] as const
  const found = names.map(name => [name, summary[`${name}_${index}`]] as const)
  const quantiles = summary[`quantiles_${index}`]
  return {
    ...Object.fromEntries(found.filter(([, value]) => Number.isFinite(value))),
    ...(Array.isArray(quantiles) ? { quantiles: quantiles.map(Number) } : {}),
  }
}
