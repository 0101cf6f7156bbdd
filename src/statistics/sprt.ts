/** What a guard has seen and concluded; plain JSON, O(1) in size. */
export interface GuardState {
  /** Sum of the log-likelihood ratios, in nats: positive speaks against the canary. */
  readonly evidence: number
  readonly canaryEvents: number
  readonly controlEvents: number
  /** reject: the canary fails more often than tolerated. pass: it does not. continue: not known yet. */
  readonly verdict: 'continue' | 'reject' | 'pass'
}

/** One bad event (error, timeout, too slow, invalid output) and the odds it was drawn with. */
export interface BadEvent {
  readonly arm: 'canary' | 'control'
  /** The canary's realised share of the traffic when the event happened, in (0, 1). */
  readonly canaryShare: number
}

/** The error rates of the test. */
export interface GuardOptions {
  /** Accepted probability to reject a canary as good as the control, default 0.01; divide by the number of guards. */
  readonly alpha?: number
  /** Accepted probability to pass a canary that is `toleratedRatio` times as bad, default 0.05. */
  readonly beta?: number
  /** The rate of bad events relative to the control that must be noticed, > 1, default 2. */
  readonly toleratedRatio?: number
}

/** The state before the first bad event. */
export const guardStart: GuardState = Object.freeze({
  evidence: 0,
  canaryEvents: 0,
  controlEvents: 0,
  verdict: 'continue',
})

/**
 * Takes one bad event into account: a conditional sequential probability ratio test of canary against control.
 *
 *   given a bad event, it hits the canary with p₀ = w if the rates are equal, p₁ = wr/(wr + 1 − w) if they differ by r
 *   evidence += ln(p₁/p₀) for the canary, ln((1 − p₁)/(1 − p₀)) for the control
 *   reject at evidence ≥ ln((1 − β)/α), pass at evidence ≤ ln(β/(1 − α)) [Wald 1945]
 *
 * Good events need not be counted, the absolute rate does not matter, a shock common to both arms cancels, and the
 * verdict may be looked at after every event. The share w may change between events. A decided state stays as it is:
 * to go on watching after a pass, begin again with `guardStart`.
 *
 * Throws a RangeError unless 0 < w < 1, 0 < α, β with α + β < 1, and r > 1.
 */
export function guardStep(state: GuardState, event: BadEvent, options: GuardOptions = {}): GuardState {
  const { alpha = 0.01, beta = 0.05, toleratedRatio = 2 } = options
  requireTest(alpha, beta, toleratedRatio)
  if (!(event.canaryShare > 0 && event.canaryShare < 1)) {
    throw new RangeError(`The canary's share is between 0 and 1, not ${event.canaryShare}.`)
  }
  if (state.verdict !== 'continue') return state
  const isCanary = event.arm === 'canary'
  const evidence = state.evidence + increment(event, toleratedRatio)
  return {
    evidence,
    canaryEvents: state.canaryEvents + (isCanary ? 1 : 0),
    controlEvents: state.controlEvents + (isCanary ? 0 : 1),
    verdict: verdictOf(evidence, alpha, beta),
  }
}

function increment({ arm, canaryShare: w }: BadEvent, ratio: number): number {
  // p₁/p₀ = r/(wr + 1 − w) and (1 − p₁)/(1 − p₀) = 1/(wr + 1 − w).
  const scale = Math.log(w * ratio + 1 - w)
  return arm === 'canary' ? Math.log(ratio) - scale : -scale
}

function verdictOf(evidence: number, alpha: number, beta: number): GuardState['verdict'] {
  if (evidence >= Math.log((1 - beta) / alpha)) return 'reject'
  return evidence <= Math.log(beta / (1 - alpha)) ? 'pass' : 'continue'
}

function requireTest(alpha: number, beta: number, ratio: number): void {
  if (!(alpha > 0 && beta > 0 && alpha + beta < 1)) throw new RangeError(`No test has errors ${alpha} and ${beta}.`)
  if (!(ratio > 1 && ratio < Infinity)) throw new RangeError(`The tolerated ratio is above 1, not ${ratio}.`)
}
