import type { z } from 'zod'
import type { ColumnType } from '#project'
import type { ColumnProfile } from './profile.ts'
import type { ContractWire, ExpectationWire, ViolationWire } from './wire.ts'

/**
 * What later data must keep, learned from data that was accepted. It is broad on purpose: seasons, growth and a new city
 * are no breach, a broken pipe is (a column that is missing, all −1, in another unit, no longer measured). Whether the
 * distribution has moved is a question for monitoring.
 */
export type Contract = z.output<typeof ContractWire>
export type Expectation = z.output<typeof ExpectationWire>
export type Violation = z.output<typeof ViolationWire>

/** Fewer rows than these teach only names, types and the key. */
const learnRowsMin = 30
/** Fewer rows than a year of days have not seen the seasons: their range is widened, their values are no closed set. */
const yearRows = 365
/** A single value may take so much more of a column than it did, and this much in any case. */
const topShareSlack = 0.3
const topShareAlways = 0.9
/** A column whose most frequent value is this frequent (no rain) may keep it for a season. */
const tiedShare = 0.3
const seasonRows = 90
const valuesMax = 20
const missingSlack = 0.05

/** Learns from profiled rows. Columns of the key may take new values: that is how a city is added. */
export function learnContract(
  columns: readonly ColumnProfile[],
  { key = [] }: { key?: readonly string[] } = {},
): Contract {
  return {
    columns: columns.map(column => learn(column, key.includes(column.name))),
    key: [...key],
    rowsMin: Math.ceil((columns[0]?.count ?? 0) / 2),
  }
}

function learn(column: ColumnProfile, isKey: boolean): Expectation {
  const { name, type, count, missing } = column
  const known = count - missing
  if (known < learnRowsMin) return { column: name, type, missingMax: 1 }
  const missingMax = isKey ? 0 : Math.min(1, missing / count + Math.max(missingSlack, missing / count))
  if (isKey) return { column: name, type, missingMax }
  return {
    column: name,
    type,
    missingMax,
    ...learnRange(column),
    ...learnValues(column),
    ...learnVariety(column, known),
  }
}

/**
 * A full range of slack on either side, nine of them where the tail is long: rain has no largest day, and a unit ten times
 * smaller must still be seen. What was never negative and came near zero (amounts, counts, shares) stays so.
 */
function learnRange({ type, min, max, quantiles, count, missing, distinct }: ColumnProfile): Partial<Expectation> {
  const isNumber = type === 'number' || type === 'integer'
  if (!isNumber || min === undefined || max === undefined || quantiles === undefined || min === max) return {}
  // Numbers of which no two are equal count something that grows: invoices, users.
  if (type === 'integer' && distinct === count - missing) return {}
  const range = max - min
  const [low, middle, high] = [quantiles[1]!, quantiles[5]!, quantiles[9]!]
  const isNeverNegative = min >= 0 && (min <= max / 10 || count >= 1_000)
  const lower = min - range * slack(middle - min, middle - low, count)
  return {
    min: isNeverNegative ? Math.max(0, lower) : lower,
    max: max + range * slack(max - middle, high - middle, count),
  }
}

/** Long is the tail of an exponential: from the median it is 4.1 times as far as the decile in 1,500 rows; a normal one 2.6. */
function slack(tail: number, decile: number, count: number): number {
  if (tail > 3.5 * decile) return 9
  return count < yearRows ? 4 : 1
}

/** A closed set of values: few, each seen often, none of them new in the second half [after Good and Turing 1953]. */
function learnValues({ type, count, distinct, top, settledAt }: ColumnProfile): Partial<Expectation> {
  const isClosed =
    type === 'string' &&
    distinct <= valuesMax &&
    count >= yearRows &&
    top.every(each => each.count >= 5) &&
    (settledAt ?? 1) <= 0.5
  return isClosed ? { values: top.map(each => each.value).toSorted() } : {}
}

/** A column that varied must go on to do so. */
function learnVariety({ distinct, top, longestRun, type }: ColumnProfile, known: number): Partial<Expectation> {
  if (distinct <= 1 || type === 'date' || type === 'timestamp') return {}
  const share = top[0]!.count / known
  const topShareMax = Math.max(share + topShareSlack, topShareAlways)
  const runMax = Math.max(share < tiedShare ? learnRowsMin : seasonRows, 2 * (longestRun ?? 1))
  return { runMax, ...(topShareMax < 1 ? { topShareMax } : {}) }
}

/** Which expectations profiled rows break: a dataset version, its new rows alone, or a window of live requests. */
export function checkColumns(contract: Contract, columns: readonly ColumnProfile[]): Violation[] {
  const byName = new Map(columns.map(column => [column.name, column]))
  return contract.columns.flatMap(expectation => {
    const column = byName.get(expectation.column)
    return column ? checkColumn(expectation, column) : [missingColumn(expectation)]
  })
}

/** The number of rows, of a whole version only. */
export const checkRowCount = ({ rowsMin }: Contract, rows: number): Violation[] =>
  rows >= rowsMin
    ? []
    : [
        {
          column: '*',
          rule: 'empty',
          found: `${rows} rows`,
          allowed: `${rowsMin} rows at least, half of those it was learned from`,
          rows,
        },
      ]

function checkColumn(expectation: Expectation, column: ColumnProfile): Violation[] {
  const { type } = expectation
  if (!isCompatible(type, column.type)) {
    return [
      { column: column.name, rule: 'type', found: `type ${column.type}`, allowed: `type ${type}`, rows: column.count },
    ]
  }
  return [
    ...checkMissing(expectation, column),
    ...checkRange(expectation, column),
    ...checkValues(expectation, column),
    ...checkVariety(expectation, column),
  ]
}

/** Whole numbers may turn out to have fractions. */
const isCompatible = (expected: string, found: string): boolean =>
  expected === found || (isNumeric(expected) && isNumeric(found))
const isNumeric = (type: string): boolean => type === 'integer' || type === 'number'

function checkMissing({ missingMax }: Expectation, { name, missing, count }: ColumnProfile): Violation[] {
  // A key cell is either there or not; elsewhere a share is judged by what it is at least.
  const share = missingMax === 0 ? missing / count : wilsonLower(missing, count)
  if (missing === 0 || share <= missingMax) return []
  return [
    {
      column: name,
      rule: 'missing_share',
      found: `missing in ${missing} of ${count} rows`,
      allowed: `${percent(missingMax)} of the rows`,
      rows: missing,
    },
  ]
}

function checkRange({ min, max }: Expectation, column: ColumnProfile): Violation[] {
  if (min === undefined || max === undefined || column.min === undefined || column.max === undefined) return []
  if (column.min >= min && column.max <= max) return []
  const outside = column.top.filter(each => Number(each.value) < min || Number(each.value) > max)
  const rows = outside.reduce((sum, each) => sum + each.count, 0)
  return [
    {
      column: column.name,
      rule: 'range',
      found: `${show(column.min)} to ${show(column.max)}`,
      allowed: `${show(min)} to ${show(max)}`,
      rows: Math.max(1, rows),
    },
  ]
}

function checkValues({ values }: Expectation, { name, top, count }: ColumnProfile): Violation[] {
  if (values === undefined) return []
  const unknown = top.filter(each => !values.includes(each.value))
  const rows = unknown.reduce((sum, each) => sum + each.count, 0)
  if (rows === 0 || rows < count / 100) return []
  const named = unknown.slice(0, 3).map(each => `"${each.value}"`)
  return [
    {
      column: name,
      rule: 'unknown_value',
      found: `${named.join(', ')} in ${rows} of ${count} rows`,
      allowed: values.join(', '),
      rows,
    },
  ]
}

function checkVariety(
  { runMax, topShareMax }: Expectation,
  { name, count, missing, top, distinct, longestRun }: ColumnProfile,
): Violation[] {
  const [known, most] = [count - missing, top[0]]
  if (runMax === undefined || most === undefined) return []
  const run = longestRun ?? (distinct === 1 ? known : 0)
  const isRun = run > runMax
  const isShare = topShareMax !== undefined && known > runMax && most.count / known > topShareMax
  if (!isRun && !isShare) return []
  const found =
    distinct === 1
      ? `${most.value} in all ${known} rows`
      : isShare
        ? `${most.value} in ${most.count} of ${known} rows`
        : `the same value in ${run} rows on end`
  return [
    {
      column: name,
      rule: 'constant',
      found,
      allowed: `values that vary: the same in ${runMax} rows on end at most`,
      rows: isShare ? most.count : run,
    },
  ]
}

/** What one row breaks: a live request. Shares and sequences cannot be judged by one row, nor can a missing value. */
export function checkRow(contract: Contract, row: Readonly<Record<string, unknown>>): Violation[] {
  return contract.columns.flatMap(expectation => {
    const value = row[expectation.column]
    if (value === undefined) return [missingColumn(expectation)]
    return value === null ? [] : checkValue(expectation, value)
  })
}

function checkValue({ column, type, min, max, values }: Expectation, value: unknown): Violation[] {
  const found = typeof value === 'number' ? show(value) : JSON.stringify(value)
  const violation = (rule: Violation['rule'], allowed: string): Violation[] => [
    { column, rule, found, allowed, rows: 1 },
  ]
  if (!isOfType[type as ColumnType](value)) return violation('type', `a value of type ${type}`)
  if (typeof value === 'number' && min !== undefined && max !== undefined && (value < min || value > max))
    return violation('range', `${show(min)} to ${show(max)}`)
  if (values !== undefined && !values.includes(String(value))) return violation('unknown_value', values.join(', '))
  return []
}

const isOfType: Readonly<Record<ColumnType, (value: unknown) => boolean>> = {
  boolean: value => typeof value === 'boolean',
  integer: value => Number.isFinite(value),
  number: value => Number.isFinite(value),
  string: value => typeof value === 'string',
  date: value => Number.isFinite(value) || (typeof value === 'string' && !Number.isNaN(Date.parse(value))),
  timestamp: value => Number.isFinite(value) || (typeof value === 'string' && !Number.isNaN(Date.parse(value))),
}

const missingColumn = ({ column, type }: Expectation): Violation => ({
  column,
  rule: 'column_missing',
  found: 'no such column',
  allowed: `a column of type ${type}`,
  rows: 0,
})

/** The least that a share can be, with 99 % confidence [Wilson 1927]. */
function wilsonLower(hits: number, count: number): number {
  const z = 2.576
  const share = hits / count
  const spread = z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))
  return (share + (z * z) / (2 * count) - spread) / (1 + (z * z) / count)
}

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`
const show = (value: number): string => String(Number(value.toPrecision(6)))
