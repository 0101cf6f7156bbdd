import { messageOf, TrainyardError } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import { causeOfFailure, nextTry, pauseAfter } from './retry.ts'
import { stopKind } from './stop.ts'
import type { Claim } from './claim.ts'
import type { Child } from './run-draft.ts'
import { isGood, type Artifacts, type Pool, type TaskId } from './run.ts'

/** What became of one attempt. Only `waiting`, `retry` and `lost` leave the task open. */
export type Outcome =
  | { readonly state: 'succeeded'; readonly outputs: Artifacts; readonly metrics: Readonly<Record<string, number>> }
  /** Another task of the same content has made it. */
  | {
      readonly state: 'cached'
      readonly outputs: Artifacts
      readonly metrics: Readonly<Record<string, number>>
      readonly producer: TaskId
    }
  | { readonly state: 'failed'; readonly error: string }
  /** It is called for each of these; the task waits until all of them have ended. A repeat adds no item. */
  | {
      readonly state: 'expanded'
      readonly items: readonly Json[]
      readonly parallel: number | undefined
      /** Whose seats its calls take. */
      readonly pool: Pool
      readonly demand?: string | undefined
    }
  /** It is not needed, for this reason. */
  | { readonly state: 'skipped'; readonly reason: string }
  | { readonly state: 'retry'; readonly error: string; readonly nextAt: number; readonly isFree?: boolean }
  | { readonly state: 'waiting'; readonly waitingFor: string; readonly nextAt: number | null; readonly child?: Child }
  | { readonly state: 'cancelled'; readonly error?: string }
  /** The process that ran it is gone, which is nobody's failure: the task is ready again. */
  /** `isPlanned`: the platform was stopped, as it may be however often. */
  | { readonly state: 'lost'; readonly error: string; readonly isPlanned?: boolean }

/** Cancelling is sticky: nothing of a cancelled run waits, is tried again, or is made ready. */
export const underCancel = (outcome: Outcome): Outcome =>
  isGood(outcome.state) || outcome.state === 'failed' ? outcome : { state: 'cancelled' }

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
