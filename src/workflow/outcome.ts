import { messageOf, TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { causeOfFailure, nextTry, pauseAfter } from './retry.ts'
import type { Outcome } from './run.ts'
import { stopKind } from './stop.ts'
import type { Claim } from './store.ts'

const errorCharactersMax = 4_000

/** What becomes of a task whose attempt has thrown. */
export function outcomeOf(
  error: unknown,
  { number, attemptsMax, triesFree, spec }: Claim,
  { signal, now }: { signal: AbortSignal; now: number },
): Outcome {
  const message = messageOf(error).slice(0, errorCharactersMax)
  const kind = stopKind(signal)
  if (kind === 'cancelled') return { state: 'cancelled', error: message }
  if (kind === 'shutdown' || kind === 'left') return { state: 'lost', error: message, isPlanned: true }
  if (kind === 'lost' || isLost(error)) return { state: 'lost', error: message }
  // Of a task with a call for each item the calls are tried again, one by one.
  const cause = spec.forEach === undefined ? causeOfFailure(error, kind === 'timeout') : undefined
  const again = cause && nextTry({ cause, number, attemptsMax, triesFree, retry: spec.retry })
  if (!again) return { state: 'failed', error: message }
  return { state: 'retry', error: message, nextAt: now + pauseAfter(number, Math.random(), spec.retry), ...again }
}

const isLost = (error: unknown): boolean =>
  error instanceof TrainyardError && (error.detail['cause'] as { kind?: string } | undefined)?.kind === 'lost'

export const causeOf = ({ detail }: TrainyardError): Readonly<Record<string, Json>> =>
  detail['cause'] === undefined ? {} : { cause: detail['cause'] as Json }
