import { dayMs, type Span } from './season.ts'

/** How many predictions each day of event time has: start of the day in UTC, in milliseconds, to rows. */
export type DayCounts = ReadonlyMap<number, number>

export interface CutRule {
  /** Where the window that is filling begins; undefined before the first prediction. */
  readonly openFrom: number | undefined
  /** The newest event time that was seen. */
  readonly watermark: number
  readonly windowRows: number
}

export const dayOf = (instant: number): number => Math.floor(instant / dayMs) * dayMs

/**
 * The windows that are full: whole days, of `windowRows` rows at least, that the watermark has passed. A window begins
 * with the first day that has rows; days without any between two windows belong to none.
 *
 * @returns the windows, where the next one begins, and the rows that wait in it.
 */
export function cutWindows(
  days: DayCounts,
  { openFrom, watermark, windowRows }: CutRule,
): { windows: readonly Span[]; openFrom: number | undefined; pending: number } {
  const windows: Span[] = []
  let from: number | undefined
  let rows = 0
  let next = openFrom
  for (const [day, count] of [...days]
    .filter(([day]) => openFrom === undefined || day >= openFrom)
    .sort(([a], [b]) => a - b)) {
    from ??= day
    rows += count
    const to = day + dayMs
    if (rows < windowRows || watermark < to) continue
    windows.push({ from, to })
    next = to
    from = undefined
    rows = 0
  }
  return { windows, openFrom: from ?? next, pending: rows }
}
