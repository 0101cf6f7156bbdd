/** Requests of a while, and how many of them failed. */
export interface Failures {
  readonly requests: number
  readonly errors: number
}

/**
 * How many times as fast as it lasts an error budget is spent: at 1, what may fail in the time of the promise fails in that
 * time. 0 without requests [Beyer et al. 2018, The Site Reliability Workbook, ch. 5].
 * @param availability Share of requests that must not fail, below 1.
 */
export const burnRate = ({ requests, errors }: Failures, availability: number): number =>
  requests === 0 ? 0 : errors / requests / (1 - availability)

/**
 * The long window tells a lasting trouble from a moment's, the short one whether it lasts still. At this rate an hour takes
 * 2 % of the budget of 30 days (the same, table 5-8).
 */
export const burnWindowsMs = [60 * 60_000, 5 * 60_000] as const
export const burnRateMax = 14.4
