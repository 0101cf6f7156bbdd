import { burnRate, burnRateMax, burnWindowsMs, type Failures } from './error-budget.ts'
import type { GuardFacts, GuardMinute } from './guard-facts.ts'

/** What ends a canary at once, without a test of its evidence. */

const streakMax = 5
const errorShareMax = 0.2
const requestsForShare = 50
const requestsForInvalid = 100
const invalidShareMax = 0.01
const crashesMax = 3
const slowFactor = 3
/** Fewer requests in a window, or failures of the canary, are too few to speak of a rate. */
const [requestsForBurn, failuresForBurn] = [100, 10]
/** Of fewer answers there is no slowest of a hundred. */
const requestsForLate = 100
const lateShareMax = 0.01

/** Both arms over all minutes. */
export interface ArmCounts {
  readonly requests: number
  readonly errors: number
  readonly controlRequests: number
  readonly controlErrors: number
  readonly invalid: number
}

/** Why the canary must end now, as a sentence; undefined when nothing of it is that bad. */
export const hardStop = (facts: GuardFacts, counts: ArmCounts): string | undefined =>
  failureStop(facts, counts) ?? budgetStop(facts) ?? lateStop(facts) ?? latencyStop(facts, counts)

function failureStop(
  { canaryStreak, crashes }: GuardFacts,
  { requests, errors, controlRequests, controlErrors, invalid }: ArmCounts,
): string | undefined {
  const isControlHealthy = controlErrors <= errorShareMax * controlRequests
  if (canaryStreak >= streakMax && isControlHealthy) return `The last ${canaryStreak} requests to the canary failed.`
  if (requests >= requestsForShare && errors > errorShareMax * requests && isControlHealthy)
    return `${errors} of ${requests} requests to the canary failed.`
  if (requests >= requestsForInvalid && invalid > invalidShareMax * requests)
    return `${invalid} of ${requests} answers of the canary had an output that is no number.`
  return crashes >= crashesMax ? `The model server crashed ${crashes} times since the canary began.` : undefined
}

/** What both arms and the live revision alone failed at in a window that ends now. */
interface Window {
  readonly both: Failures
  readonly control: Failures
  readonly canary: Failures
}

function windowOf({ minutes, now }: Pick<GuardFacts, 'minutes' | 'now'>, lengthMs: number): Window {
  const recent = minutes.filter(({ minute }) => minute > now - lengthMs)
  const sum = (pick: (minute: GuardMinute) => number): number =>
    recent.reduce((total, minute) => total + pick(minute), 0)
  const canary = { requests: sum(each => each.canaryRequests), errors: sum(each => each.canaryErrors) }
  const control = { requests: sum(each => each.controlRequests), errors: sum(each => each.controlErrors) }
  const both = { requests: canary.requests + control.requests, errors: canary.errors + control.errors }
  return { both, control, canary }
}

/** How fast both arms together spend the error budget: in the window, since the canary began, in which it is slower. */
export const budgetBurn = (facts: Pick<GuardFacts, 'minutes' | 'now' | 'promise'>): number =>
  Math.min(...burnWindowsMs.map(ms => burnRate(windowOf(facts, ms).both, facts.promise.availability)))

/** Both arms together spend the error budget too fast; the live revision alone would not, so a roll-back ends it. */
function budgetStop(facts: GuardFacts): string | undefined {
  const { availability } = facts.promise
  const isSpent = burnWindowsMs
    .map(ms => windowOf(facts, ms))
    .every(
      ({ both, control, canary }) =>
        canary.requests >= requestsForBurn &&
        canary.errors >= failuresForBurn &&
        burnRate(both, availability) >= burnRateMax &&
        burnRate(control, availability) < burnRateMax,
    )
  if (!isSpent) return undefined
  const rate = budgetBurn(facts).toPrecision(3)
  return `With the canary the error budget of ${availability} is spent ${rate} times as fast as it lasts, and without it below ${burnRateMax} times.`
}

/** In a whole minute more than one answer in a hundred took thrice what is promised, and not so of the live revision. */
function lateStop({ minutes, now, promise }: GuardFacts): string | undefined {
  const isLate = (requests: number, late: number): boolean =>
    requests >= requestsForLate && late > lateShareMax * requests
  const late = minutes.find(
    each =>
      each.minute + 60_000 <= now &&
      isLate(each.canaryRequests, each.canaryLate) &&
      !isLate(each.controlRequests, each.controlLate),
  )
  if (!late) return undefined
  return `In one minute ${late.canaryLate} of ${late.canaryRequests} answers of the canary took longer than ${lateMsOf(promise.latencyMs)} ms, three times what is promised.`
}

/** From how many milliseconds on an answer is late: three times what 99 of 100 are promised to take at most. */
export const lateMsOf = (promisedMs: number): number => 3 * promisedMs

function latencyStop(
  { canaryP95Ms, controlP95Ms, slowMs }: GuardFacts,
  { requests, controlRequests }: ArmCounts,
): string | undefined {
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
