import { isoInstant } from '#kernel/clock.ts'
import { durationMs } from '#kernel/duration.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { PollSpec } from '#project'
import type { Outcome } from './outcome.ts'

/** Tasks that look whether something is there, and are called again until it is. */

/** What such a task ends with when it is not there yet: EX_TEMPFAIL, try again later [sysexits.h]. */
export const notYetCode = 75

export const isNotYet = (error: unknown): boolean => {
  const cause = error instanceof TrainyardError ? error.detail['cause'] : undefined
  const { kind, code } = (cause ?? {}) as { kind?: string; code?: number }
  return kind === 'exit' && code === notYetCode
}

/**
 * What becomes of a task that has looked in vain: it looks again, once more at the end of its time, and then no more.
 *
 * @param since When it has begun to look.
 */
export function afterLook(
  { every, within, otherwise = 'fail' }: PollSpec,
  { since, now }: { since: number; now: number },
): Outcome {
  const until = within === undefined ? Infinity : since + durationMs(within)
  const late = `What it looks for was not there within ${within}.`
  if (now >= until) return otherwise === 'skip' ? { state: 'skipped', reason: late } : { state: 'failed', error: late }
  const end = within === undefined ? '' : `, until ${isoInstant(until)}`
  return {
    state: 'waiting',
    waitingFor: `what it looks for every ${every}${end}`,
    nextAt: Math.min(now + durationMs(every), until),
  }
}
