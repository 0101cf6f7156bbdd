import { durationMs } from '#kernel/duration.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { RetryCause, RetrySpec } from '#project'

/** Errors that another try cannot mend. */
const final: ReadonlySet<string> = new Set(['data_broken', 'gate_failed', 'invalid'])

/** Causes that are not the task's: tries after them are not among those that it was promised, up to so many. */
const freeTriesMax = 5
const isPlatforms: ReadonlySet<RetryCause> = new Set(['environment', 'preempted'])

/** What is known of an attempt that has come to nothing. */
export interface Failure {
  readonly cause: RetryCause
  /** Of the attempt, from 1. */
  readonly number: number
  readonly attemptsMax: number
  /** Tries that the task was given beyond those that it was promised. */
  readonly triesFree: number
  readonly retry: RetrySpec | undefined
}

/** Whether it is tried again, and whether at no cost; undefined when it is not. */
export function nextTry({ cause, number, attemptsMax, triesFree, retry }: Failure): { isFree: boolean } | undefined {
  if (retry?.on && !retry.on.includes(cause)) return undefined
  if (isPlatforms.has(cause) && triesFree < freeTriesMax) return { isFree: true }
  return number < attemptsMax ? { isFree: false } : undefined
}

/**
 * The pause before the next try: 1 s, 2 s, 4 s … capped at five minutes, unless the task says otherwise; less up to a
 * quarter, so that tasks which failed together do not come back together.
 *
 * @param attempt The attempt that failed, from 1.
 * @param random In [0, 1).
 */
export function pauseAfter(
  attempt: number,
  random: number,
  { pause = '1s', factor = 2, pauseMax = '5m' }: RetrySpec = {},
): number {
  const growing = durationMs(pause) * factor ** (attempt - 1)
  return Math.round(Math.min(growing, durationMs(pauseMax)) * (1 - random / 4))
}

/** Undefined when no other try could mend it. */
export function causeOfFailure(error: unknown, isTimeout: boolean): RetryCause | undefined {
  if (isTimeout) return 'timeout'
  if (!(error instanceof TrainyardError)) return 'error'
  if (final.has(error.code)) return undefined
  const kind = (error.detail['cause'] as { kind?: string } | undefined)?.kind
  return kind === undefined ? 'error' : (known[kind] ?? 'exit')
}

/** Of the causes that executors tell; what is not here is the doing of the task's own code. */
const known: Readonly<Record<string, RetryCause>> = {
  out_of_memory: 'out_of_memory',
  timeout: 'timeout',
  environment: 'environment',
  preempted: 'preempted',
  lost: 'lost',
}
