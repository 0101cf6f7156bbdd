import type { Clock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'

/** After so many wrong passwords each further one costs a pause, twice as long each time. */
const free = 5
const pauseMaxMs = 5 * 60_000
const forgetMs = 15 * 60_000
const keptMax = 10_000

/**
 * Slows down who guesses: by user and address, so that a stranger does not lock out the user elsewhere.
 */
export interface Attempts {
  /** Throws `rate_limited` while a pause lasts. */
  check(key: string): void
  failed(key: string): void
  succeeded(key: string): void
}

export function createAttempts(clock: Clock): Attempts {
  const failures = new Map<string, { count: number; at: number }>()
  const recent = (key: string): { count: number; at: number } | undefined => {
    const known = failures.get(key)
    return known && clock.now() - known.at < forgetMs ? known : undefined
  }
  return {
    check(key) {
      const known = recent(key)
      if (!known || known.count < free) return
      const waitMs = known.at + Math.min(1_000 * 2 ** (known.count - free), pauseMaxMs) - clock.now()
      if (waitMs <= 0) return
      const retryAfterS = Math.ceil(waitMs / 1_000)
      throw new TrainyardError('rate_limited', `Too many wrong passwords. Try again in ${retryAfterS} s.`, {
        retryAfterS,
      })
    },
    failed(key) {
      const count = (recent(key)?.count ?? 0) + 1
      failures.delete(key)
      if (failures.size >= keptMax) failures.delete(failures.keys().next().value!)
      failures.set(key, { count, at: clock.now() })
    },
    succeeded: key => void failures.delete(key),
  }
}
