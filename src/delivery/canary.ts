import type { DeploymentSpec } from '#project'
import { durationMs } from '#kernel/duration.ts'

/** What is known of a canary at one look. */
export interface CanaryView {
  /** What the guard of serving makes of its errors, compared with those of the revision beside it. */
  readonly verdict: string
  /** Why, as a sentence. */
  readonly because: string
  readonly requests: number
  /** What the truth about its answers says of it, when that tells it from the revision beside it. */
  readonly outcome?: { readonly verdict: 'better' | 'worse' | 'open'; readonly reason: string } | undefined
  /** Since it took its first share of traffic. */
  readonly elapsedMs: number
  /** Whether its model version is still the one that should be in production. */
  readonly wanted: boolean
}

export type CanaryDecision =
  | { readonly outcome: 'promote' | 'roll_back'; readonly reason: string }
  | { readonly outcome: 'wait'; readonly waitingFor: string }

/** A canary that is rejected, or worse by the truth, goes at once, and one that is better stays; any other is promoted when it has seen enough requests, or for long enough. */
export function decideCanary(
  { verdict, because, requests, outcome, elapsedMs, wanted }: CanaryView,
  policy: DeploymentSpec['canary'] | undefined,
): CanaryDecision {
  if (policy === undefined) return { outcome: 'roll_back', reason: 'The project no longer declares the deployment.' }
  const { requestsMin, maxDuration } = policy
  if (!wanted) return { outcome: 'roll_back', reason: 'Its model version is no longer the one for production.' }
  if (verdict === 'reject') return { outcome: 'roll_back', reason: because }
  if (outcome?.verdict === 'worse') return { outcome: 'roll_back', reason: outcome.reason }
  if (outcome?.verdict === 'better') return { outcome: 'promote', reason: outcome.reason }
  if (verdict === 'pass') return { outcome: 'promote', reason: because }
  if (requests >= requestsMin) return { outcome: 'promote', reason: `${requests} requests, and nothing to reject it.` }
  if (elapsedMs >= durationMs(maxDuration))
    return { outcome: 'promote', reason: `${maxDuration} and ${requests} requests, and nothing to reject it.` }
  return { outcome: 'wait', waitingFor: `the canary to have answered ${requests} of ${requestsMin} requests` }
}
