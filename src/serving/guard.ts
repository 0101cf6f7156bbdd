import { guardStart, guardStep, type GuardState } from '#statistics'

/** What a canary and the live revision did in one minute; requests that named their revision are not counted. */
export interface GuardMinute {
  readonly canaryRequests: number
  readonly canaryErrors: number
  readonly controlRequests: number
  readonly controlErrors: number
  /** Failures of the canary because an output was no number. */
  readonly canaryInvalid: number
  /** Answers that were slow (`slow.ts`). */
  readonly canarySlow: number
  readonly controlSlow: number
  /** Percent of requests that the canary had when the minute ended. */
  readonly weight: number
}

export interface GuardFacts {
  /** Oldest first. */
  readonly minutes: readonly GuardMinute[]
  /** Failures of the canary since its last success. */
  readonly canaryStreak: number
  /** How often the model server has crashed since the canary began. */
  readonly crashes: number
  readonly canaryP95Ms: number | undefined
  readonly controlP95Ms: number | undefined
  /** What an answer may take without being slow. */
  readonly slowMs: number
}

export interface GuardVerdict {
  readonly requests: number
  readonly errors: number
  readonly controlRequests: number
  readonly controlErrors: number
  readonly slow: number
  readonly controlSlow: number
  readonly verdict: GuardState['verdict']
  /** Why, as a sentence. */
  readonly reason: string
  /** Evidence against the canary in nats, of the sequential tests: by its failures, and by its slow answers. */
  readonly evidence: number
  readonly slowEvidence: number
}

const streakMax = 5
const errorShareMax = 0.2
const requestsForShare = 50
const requestsForInvalid = 100
const invalidShareMax = 0.01
const crashesMax = 3
const slowFactor = 3
/** How often a canary as good as the other may be rejected: each of the two tests has half of it. */
const alpha = 0.01 / 2

/**
 * Whether a canary may go on: hard stops first, then sequential tests on the failures and on the slow answers of both arms,
 * so that a trouble that hits both speaks against neither (specs/5, 5.2).
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

function hardStop(
  { canaryStreak, crashes, canaryP95Ms, controlP95Ms, slowMs }: GuardFacts,
  {
    requests,
    errors,
    controlRequests,
    controlErrors,
    invalid,
  }: { requests: number; errors: number; controlRequests: number; controlErrors: number; invalid: number },
): string | undefined {
  const isControlHealthy = controlErrors <= errorShareMax * controlRequests
  if (canaryStreak >= streakMax && isControlHealthy) return `The last ${canaryStreak} requests to the canary failed.`
  if (requests >= requestsForShare && errors > errorShareMax * requests && isControlHealthy)
    return `${errors} of ${requests} requests to the canary failed.`
  if (requests >= requestsForInvalid && invalid > invalidShareMax * requests)
    return `${invalid} of ${requests} answers of the canary had an output that is no number.`
  if (crashes >= crashesMax) return `The model server crashed ${crashes} times since the canary began.`
  if (
    requests < requestsForShare ||
    controlRequests < requestsForShare ||
    canaryP95Ms === undefined ||
    controlP95Ms === undefined
  )
    return undefined
  if (canaryP95Ms < slowMs || canaryP95Ms < slowFactor * controlP95Ms) return undefined
  return `Of 100 requests to the canary 5 take ${Math.round(canaryP95Ms)} ms or more, to the live revision ${Math.round(controlP95Ms)} ms.`
}
