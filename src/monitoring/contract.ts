import type { z } from 'zod'
import type { ViolationWire } from '#data/wire.ts'
import { quantile } from '#statistics'
import { isMissing, type Cell, type Frame } from './frame.ts'
import { dayMs } from './season.ts'

/**
 * What live rows must keep, learned from the training set. Live rows may go where the training data has not been (a
 * colder city is drift, and drift has its own test); they may not be of another type, lose their values, change sign
 * where there was none, be a whole range out of range, or become one repeated value.
 */

export type Violation = z.output<typeof ViolationWire>

/** Share of rows that may miss a value beyond what the training set misses. */
const missingMargin = 0.1
/** A column is known to have one sign, or a range, from so many training rows on. */
const rangeRowsMin = 50
/** This part of its range from zero a value touches zero; a column does when this share of its values do. */
const nearZero = 0.01
/** One value in so many of the rows, on at least so many days, is a constant. */
const constantShare = 0.95
const constantDaysMin = 3
/** One value alone outside of all that was ever seen, repeated in this share of rows, is a sentinel. */
const sentinelShare = 0.1
const repeatsMin = 5

/** What is wrong with the features of a window, worst first. Empty when all is kept. */
export function contractViolations(reference: Frame, window: Frame): readonly Violation[] {
  const found = Object.entries(reference.features).flatMap(([column, cells]) =>
    violationsOf({ column, reference: cells, current: window.features[column] ?? [], at: window.at }),
  )
  return found.sort((a, b) => b.rows - a.rows || (a.column < b.column ? -1 : 1))
}

/** Rows that break the contract, each counted once for the column that has most of them. */
export const brokenRows = (violations: readonly Violation[]): number => violations[0]?.rows ?? 0

interface Column {
  readonly column: string
  readonly reference: readonly Cell[]
  readonly current: readonly Cell[]
  readonly at: readonly number[]
}

function violationsOf(column: Column): readonly Violation[] {
  if (column.at.length === 0) return []
  if (column.current.length === 0 || column.current.every(isMissing)) return missingColumn(column)
  return [...tooManyMissing(column), ...wrongType(column), ...outOfRange(column), ...repeated(column)]
}

function missingColumn({ column, reference, at }: Column): readonly Violation[] {
  const known = reference.filter(cell => !isMissing(cell)).length
  if (known < reference.length * missingMargin) return []
  return [
    {
      column,
      rule: 'column_missing',
      found: `no value in ${at.length} rows`,
      allowed: 'a value, as in the training set',
      rows: at.length,
    },
  ]
}

function tooManyMissing({ column, reference, current }: Column): readonly Violation[] {
  const usual = reference.filter(isMissing).length / Math.max(1, reference.length)
  const rows = current.filter(isMissing).length
  if (rows / current.length <= usual + missingMargin) return []
  const found = `missing in ${rows} of ${current.length} rows (${percent(rows / current.length)})`
  return [
    {
      column,
      rule: 'missing_share',
      found,
      allowed: `${percent(usual)} in the training set, ${percent(missingMargin)} more at most`,
      rows,
    },
  ]
}

function wrongType({ column, reference, current }: Column): readonly Violation[] {
  const isText = typeof reference.find(cell => !isMissing(cell)) === 'string'
  const wrong = current.filter(cell => !isMissing(cell) && (typeof cell === 'string') !== isText)
  if (wrong.length === 0) return []
  return [
    {
      column,
      rule: 'type',
      found: `${JSON.stringify(wrong[0])} in ${wrong.length} of ${current.length} rows`,
      allowed: isText ? 'a text' : 'a number',
      rows: wrong.length,
    },
  ]
}

function outOfRange({ column, reference, current }: Column): readonly Violation[] {
  const known = reference.filter(isFiniteNumber)
  if (known.length < rangeRowsMin) return []
  const [least, most] = [quantile(known, 0), quantile(known, 1)]
  const reach = most - least
  // What often is zero and never crosses it has a sign (amounts, counts, shares); what just stays on one side has none.
  const isAtZero = known.filter(cell => Math.abs(cell) <= reach * nearZero).length >= known.length * nearZero
  const lowest = least >= 0 && isAtZero ? 0 : least - reach
  const highest = most <= 0 && isAtZero ? 0 : most + reach
  const wrong = current.filter(cell => typeof cell === 'number' && (cell < lowest || cell > highest))
  if (reach === 0 || wrong.length === 0) return []
  const allowed = `${short(lowest)} to ${short(highest)}: the training set has ${short(least)} to ${short(most)}`
  return [
    {
      column,
      rule: 'range',
      found: `${short(wrong[0] as number)} in ${wrong.length} of ${current.length} rows`,
      allowed,
      rows: wrong.length,
    },
  ]
}

/** A column that varied and is one value now, or that repeats a value outside of all that was ever seen. */
function repeated({ column, reference, current, at }: Column): readonly Violation[] {
  const [value, rows] = mostFrequent(current)
  const share = rows / current.length
  const before = reference.filter(cell => cell === value).length / Math.max(1, reference.length)
  if (value === undefined || rows < repeatsMin || before >= 0.5) return []
  const days = new Set(at.flatMap((instant, i) => (current[i] === value ? [Math.floor(instant / dayMs)] : []))).size
  const isConstant = share >= constantShare && before < constantShare / 2 && days >= constantDaysMin
  const isSentinel = share >= sentinelShare && isAloneOutside(reference, current, value)
  if (!isConstant && !isSentinel) return []
  return [
    {
      column,
      rule: 'constant',
      found: `${String(value)} in ${rows} of ${current.length} rows`,
      allowed: `a column that varies: ${percent(before)} of the training set has this value`,
      rows,
    },
  ]
}

function mostFrequent(cells: readonly Cell[]): readonly [Cell | undefined, number] {
  const counts = new Map<Cell, number>()
  for (const cell of cells) if (!isMissing(cell)) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  return [...counts].reduce<readonly [Cell | undefined, number]>(
    (top, entry) => (entry[1] > top[1] ? entry : top),
    [undefined, 0],
  )
}

function isAloneOutside(reference: readonly Cell[], current: readonly Cell[], value: Cell): boolean {
  const known = reference.filter(isFiniteNumber)
  if (known.length < rangeRowsMin) return false
  const [least, most] = [quantile(known, 0), quantile(known, 1)]
  const outside = new Set(current.filter(isFiniteNumber).filter(cell => cell < least || cell > most))
  return outside.size === 1 && outside.has(value as number)
}

const isFiniteNumber = (cell: Cell): cell is number => typeof cell === 'number' && Number.isFinite(cell)

export const percent = (share: number): string => `${Number((share * 100).toPrecision(share < 0.1 ? 2 : 3))} %`

/** A number as people read it: three significant digits. */
export const short = (value: number): string => String(Number(value.toPrecision(3)))
