import { guardStart, guardStep, type GuardState } from '#statistics'
import type { GuardFacts, GuardMinute } from './guard-facts.ts'
import { budgetBurn, hardStop } from './hard-stop.ts'

export interface GuardVerdict {
  readonly requests: number
  readonly errors: number
  readonly controlRequests: number
  readonly controlErrors: number
  readonly slow: number
  readonly controlSlow: number
  readonly late: number
  readonly controlLate: number
  /** How many times as fast as it lasts both arms spend the error budget, over an hour and over five minutes. */
  readonly burn: number
  readonly verdict: GuardState['verdict']
  /** Why, as a sentence. */
  readonly reason: string
  /** Evidence against the canary in nats, of the sequential tests: by its failures, and by its slow answers. */
  readonly evidence: number
  readonly slowEvidence: number
}

/** How often a canary as good as the other may be rejected: each of the two tests has half of it. */
const alpha = 0.01 / 2

/**
 * Whether a canary may go on: hard stops first, then sequential tests on the failures and on the slow answers of both arms,
 * so that a trouble that hits both speaks against neither. The tests are those of Wald [1945], given a bad event (`sprt.ts`
 * of statistics).
 */
export function judgeCanary(facts: GuardFacts): GuardVerdict {
  const { minutes } = facts
  const sum = (pick: (minute: GuardMinute) => number): number =>
    minutes.reduce((total, minute) => total + pick(minute), 0)
  const counts = {
    requests: sum(minute => minute.canaryRequests),
    errors: sum(minute => minute.canaryErrors),
    controlRequests: sum(minute => minute.controlRequests),
    controlErrors: sum(minute => minute.controlErrors),
    slow: sum(minute => minute.canarySlow),
    controlSlow: sum(minute => minute.controlSlow),
    late: sum(minute => minute.canaryLate),
    controlLate: sum(minute => minute.controlLate),
    burn: budgetBurn(facts),
  }
  const failing = testOf(minutes, ({ canaryErrors, controlErrors }) => [canaryErrors, controlErrors])
  const lagging = testOf(minutes, ({ canarySlow, controlSlow }) => [canarySlow, controlSlow])
  const found = { ...counts, evidence: failing.evidence, slowEvidence: lagging.evidence }
  const stop = hardStop(facts, { ...counts, invalid: sum(minute => minute.canaryInvalid) })
  if (stop) return { ...found, verdict: 'reject', reason: stop }
  const isAllFast = counts.slow + counts.controlSlow === 0
  return { ...found, ...concluded(failing.verdict, isAllFast ? 'pass' : lagging.verdict) }
}

/** Rejected by one of the tests, or through by both. */
function concluded(
  failing: GuardState['verdict'],
  lagging: GuardState['verdict'],
): Pick<GuardVerdict, 'verdict' | 'reason'> {
  if (failing === 'reject')
    return { verdict: 'reject', reason: 'The canary fails more than twice as often as the live revision.' }
  if (lagging === 'reject')
    return { verdict: 'reject', reason: 'The canary is slow more than twice as often as the live revision.' }
  if (failing === 'pass' && lagging === 'pass')
    return { verdict: 'pass', reason: 'The canary neither fails nor is slow more often than the live revision.' }
  return { verdict: 'continue', reason: 'There are too few failures and slow answers to tell the two apart.' }
}

/** The sequential test over all minutes, of one kind of bad event: how many the canary had, and the live revision. */
const testOf = (
  minutes: readonly GuardMinute[],
  events: (minute: GuardMinute) => readonly [canary: number, control: number],
): GuardState =>
  minutes.reduce<{ state: GuardState; weight: number | undefined }>(
    ({ state: before, weight }, minute) => ({
      // At another weight an undecided test goes on with what it has; one that has passed begins again.
      state: addMinute(
        before.verdict === 'pass' && minute.weight !== weight ? guardStart : before,
        minute,
        events(minute),
      ),
      weight: minute.weight,
    }),
    { state: guardStart, weight: undefined },
  ).state

/**
 * Of a minute only the counts are known. Its events are dealt evenly, because the test stops at the first crossing: all
 * failures of one arm in a row would look like a verdict.
 */
function addMinute(
  state: GuardState,
  { canaryRequests, controlRequests }: GuardMinute,
  [ofCanary, ofControl]: readonly [number, number],
): GuardState {
  const events = ofCanary + ofControl
  // The share that it really had: the odds with which a bad event hits it if both are equally good.
  const canaryShare = Math.min(0.999, Math.max(0.001, canaryRequests / (canaryRequests + controlRequests)))
  let next = state
  for (let i = 0; i < events; i++) {
    const isCanary =
      Math.floor(((i + 0.5) * ofCanary) / events + 0.5) > Math.floor(((i - 0.5) * ofCanary) / events + 0.5)
    next = guardStep(next, { arm: isCanary ? 'canary' : 'control', canaryShare }, { alpha })
  }
  return next
}
