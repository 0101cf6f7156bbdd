import type { Millis } from '#kernel/clock.ts'

/** What a receiver said, as far as it decides about another try. Without a status it said nothing. */
export interface Heard {
  readonly status?: number | undefined
  readonly retryAfter?: string | undefined
}

/** How a pause is found before the next try: its length in milliseconds, or undefined when there is none. */
export type Retry = (tried: { attempts: number; createdAt: Millis }, heard: Heard, now: Millis) => number | undefined

/** The pause that a receiver asks for, in seconds or until a date [RFC 9110, 10.2.3]. */
export function askedPauseMs({ retryAfter }: Heard, now: Millis): number | undefined {
  if (retryAfter === undefined) return undefined
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

const firstMs = 5_000
const longestMs = 60 * 60_000
const dayMs = 24 * 60 * 60_000
/** Those of 4xx [RFC 9110, 15.5] that say nothing about the request itself. */
const passing = new Set([408, 421, 425, 429])

/**
 * For a day: after 5 s, 10 s, 20 s … an hour at most, each less up to a half so that what failed together does not come
 * back together; later when the receiver says so. What a receiver refuses is not tried again.
 *
 * @param random In [0, 1).
 */
export const forADay =
  (random: () => number): Retry =>
  ({ attempts, createdAt }, heard, now) => {
    const { status = 0 } = heard
    if (status >= 300 && status < 500 && !passing.has(status)) return undefined
    const backoff = Math.min(firstMs * 2 ** (attempts - 1), longestMs) * (1 - random() / 2)
    const pauseMs = Math.round(Math.max(backoff, Math.min(askedPauseMs(heard, now) ?? 0, dayMs)))
    return now + pauseMs - createdAt > dayMs ? undefined : pauseMs
  }
