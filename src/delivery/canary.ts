import { durationMs } from '#kernel/duration.ts'
import { canarySteps, type DeploymentSpec } from '#project'
import type { canaryMoves } from './wire.ts'

/** What is known of a canary at one look. */
export interface CanaryView {
  /** What the guard of serving makes of its errors, compared with those of the revision beside it. */
  readonly verdict: string
  /** Why, as a sentence. */
  readonly because: string
  /** Percent of requests that it takes. */
  readonly weight: number
  /** That it has answered, and how long it stands, at this weight. */
  readonly requests: number
  readonly standsMs: number
  /** What the truth about its answers says of it, when that tells it from the revision beside it. */
  readonly outcome?: { readonly verdict: 'better' | 'worse' | 'open'; readonly reason: string } | undefined
  /** Since it took its first share of traffic. */
  readonly elapsedMs: number
  /** Whether its model version is still the one that should be in production. */
  readonly wanted: boolean
}

export type CanaryDecision =
  | { readonly outcome: 'promote' | 'roll_back'; readonly reason: string }
  | { readonly outcome: 'advance'; readonly weight: number; readonly reason: string }
  | { readonly outcome: 'wait'; readonly waitingFor: string }
  /** Until a person decides. */
  | { readonly outcome: 'hold'; readonly waitingFor: string }

/**
 * A canary that is rejected, or worse by the truth, goes at once, and one that is better stays. Any other takes one step
 * after the other: when the guard lets it pass, or when it has stood at this one for long enough and answered enough. What
 * is neither rejected nor through at the end of its time is as the project says.
 */
export function decideCanary(view: CanaryView, policy: DeploymentSpec['canary'] | undefined): CanaryDecision {
  if (policy === undefined) return { outcome: 'roll_back', reason: 'The project no longer declares the deployment.' }
  const { verdict, because, weight, requests, outcome, elapsedMs, wanted } = view
  if (!wanted) return { outcome: 'roll_back', reason: 'Its model version is no longer the one for production.' }
  if (verdict === 'reject') return { outcome: 'roll_back', reason: because }
  if (outcome?.verdict === 'worse') return { outcome: 'roll_back', reason: outcome.reason }
  if (outcome?.verdict === 'better') return { outcome: 'promote', reason: outcome.reason }
  const reason = verdict === 'pass' ? because : stoodReason(view, policy)
  if (reason !== undefined) {
    const next = canarySteps(policy).find(step => step > weight)
    return next === undefined ? { outcome: 'promote', reason } : { outcome: 'advance', weight: next, reason }
  }
  const { requestsMin, maxDuration, undecided } = policy
  const seen = `${requests} of ${requestsMin} requests at ${weight} %`
  if (elapsedMs < durationMs(maxDuration))
    return {
      outcome: 'wait',
      waitingFor: `the canary to have answered ${seen}, and to stand there for ${policy.dwell}`,
    }
  if (undecided === 'hold')
    return { outcome: 'hold', waitingFor: `somebody to decide: after ${maxDuration} the canary has answered ${seen}` }
  return { outcome: 'promote', reason: `${maxDuration} and ${seen}, and nothing to reject it.` }
}

/** Why it may go on without a verdict; undefined when it may not yet. */
function stoodReason(
  { requests, standsMs, weight }: CanaryView,
  { requestsMin, dwell }: DeploymentSpec['canary'],
): string | undefined {
  if (requests < requestsMin || standsMs < durationMs(dwell)) return undefined
  return `${requests} requests at ${weight} %, and nothing to reject it.`
}

/** What was decided of a canary, and on what evidence. */
export interface CanaryMove {
  readonly move: (typeof canaryMoves)[number]
  /** Percent of requests that it takes from then on. */
  readonly weight: number
  readonly requests: number
  readonly at: number
}

/** What a canary has answered, and how long it stands, at the weight that it has: from the move on that gave it. */
export function atThisStep(
  moves: readonly CanaryMove[],
  { requests, since }: { requests: number; since: number },
  now: number,
): Pick<CanaryView, 'requests' | 'standsMs'> {
  const step = moves.findLast(({ move }) => move === 'advance' || move === 'found')
  // It began before anybody looked.
  if (!step) return { requests, standsMs: now - since }
  return { requests: requests - step.requests, standsMs: now - step.at }
}
