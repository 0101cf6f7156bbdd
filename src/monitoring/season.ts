import { thin } from './frame.ts'

export const dayMs = 86_400_000
/** The mean Gregorian year. */
const yearMs = 365.2425 * dayMs
/** How far before and after the window's days of the year the reference reaches. */
const paddingMs = 15 * dayMs
/** A reference this long has seen every season. */
const yearlyMs = 360 * dayMs
/** Fewer rows than this are no reference, and no stretch to calibrate with. */
const rowsMin = 20
/** From so many stretches on, their scores tell what is usual; more than the maximum tell no more. */
const stretchesMin = 6
const stretchesMax = 24
const othersMax = 4_000

/** A half-open interval of event time, in milliseconds. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Two parts of the reference that differ by nothing but chance, weather and the year: a stretch as long as the window,
 * and what it would have been compared with.
 */
export interface Stretch {
  readonly rows: readonly number[]
  readonly others: readonly number[]
}

/** Which rows of the reference a window is compared with, and how much such comparisons vary by themselves. */
export interface Comparison {
  /** Positions in the reference. */
  readonly rows: readonly number[]
  /** For people: `the same season of 2 years, 178 rows`. */
  readonly text: string
  readonly stretches: readonly Stretch[]
}

/**
 * Chooses the rows a window is compared with.
 *
 * A reference of a year or more: its rows of the same season, the window's days of the year ± 15 days, in all years.
 * How much seasons differ from year to year is measured by comparing stretches of the reference with the same season
 * of its other years. Where it is too short for that, and for a young reference, the stretches are compared with all
 * the rest of the reference: the differences then contain the seasons, and the threshold is higher.
 *
 * @param at Event times of the reference, ascending.
 */
export function compareWith(at: readonly number[], window: Span): Comparison {
  const all = at.map((_, position) => position)
  const age = at.length === 0 ? 0 : at.at(-1)! - at[0]!
  const length = Math.max(dayMs, window.to - window.from)
  const whole = (text: string): Comparison => ({ rows: all, text, stretches: againstTheRest(at, length) })
  if (age < yearlyMs) return whole(`young reference: all ${all.length} rows, less than a year, seasons are not matched`)
  const rows = all.filter(position => isInSeason(at[position]!, window))
  if (rows.length < rowsMin) return whole(`all ${all.length} rows: none of the same season`)
  const yearly = againstOtherYears(at, length)
  const stretches = yearly.length >= stretchesMin ? yearly : againstTheRest(at, length)
  return { rows, text: `the same season of ${(age / yearMs).toFixed(1)} years, ${rows.length} rows`, stretches }
}

/** Whether an instant lies in the window's days of the year, give or take the padding, in whichever year. */
export function isInSeason(at: number, window: Span): boolean {
  const reach = (window.to - window.from) / 2 + paddingMs
  const middle = (window.from + window.to) / 2
  const turns = (at - middle) / yearMs
  return Math.abs(turns - Math.round(turns)) * yearMs <= reach
}

function againstOtherYears(at: readonly number[], length: number): readonly Stretch[] {
  return tiles(at, length).flatMap(tile => {
    const rows = between(at, tile)
    const middle = (tile.from + tile.to) / 2
    const others = at.flatMap((instant, position) =>
      isInSeason(instant, tile) && Math.abs(instant - middle) > yearMs / 2 ? [position] : [],
    )
    return usable(rows, others)
  })
}

function againstTheRest(at: readonly number[], length: number): readonly Stretch[] {
  return tiles(at, length).flatMap(tile => {
    const rows = between(at, tile)
    const [first = 0, last = -1] = [rows[0], rows.at(-1)]
    return usable(
      rows,
      at.flatMap((_, position) => (position < first || position > last ? [position] : [])),
    )
  })
}

const usable = (rows: readonly number[], others: readonly number[]): readonly Stretch[] =>
  rows.length >= rowsMin && others.length >= rows.length
    ? [{ rows: thin(rows, othersMax), others: thin(others, othersMax) }]
    : []

/** Stretches side by side from the reference's first day on; evenly chosen where there are many. */
function tiles(at: readonly number[], length: number): readonly Span[] {
  if (at.length === 0) return []
  const start = Math.floor(at[0]! / dayMs) * dayMs
  const count = Math.floor((at.at(-1)! + dayMs - start) / length)
  const all = Array.from({ length: count }, (_, i) => i)
  return thin(all, stretchesMax).map(i => ({ from: start + i * length, to: start + (i + 1) * length }))
}

/** Positions of the instants in a span, by bisection. */
function between(at: readonly number[], { from, to }: Span): readonly number[] {
  const [first, end] = [firstAtOrAfter(at, from), firstAtOrAfter(at, to)]
  return Array.from({ length: end - first }, (_, i) => first + i)
}

function firstAtOrAfter(at: readonly number[], instant: number): number {
  let low = 0
  let high = at.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at[middle]! < instant) low = middle + 1
    else high = middle
  }
  return low
}
