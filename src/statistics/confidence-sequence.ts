/** A sample, as far as its mean is concerned. */
export interface Sample {
  readonly count: number
  readonly mean: number
  /** With count − 1. */
  readonly variance: number
}

/** An estimate, and between which bounds the truth lies. */
export interface Bounded {
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface SequenceOptions {
  /** How often the bounds may be wrong at any look, default 0.05. */
  readonly alpha?: number
  /** Where they are tightest, default 0.05: around a thousand rows. */
  readonly rho?: number
}

/** Fewer rows are not near enough to the normal law. */
const rowsMin = 50

/**
 * The mean, with bounds that hold at every look and not only at one: a person may look as often as they like, and stop when
 * they like. An asymptotic confidence sequence [Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, theorem 2.2]:
 *
 *   radius = σ̂ √( 2 (nρ² + 1) / (n²ρ²) · ln(√(nρ² + 1) / α) )
 *
 * Undefined below 50 rows. Throws a RangeError unless 0 < α < 1 and ρ > 0.
 */
export function meanBounds({ count, mean, variance }: Sample, options?: SequenceOptions): Bounded | undefined {
  return count < rowsMin ? undefined : bounded(mean, count, Math.sqrt(variance), options)
}

/**
 * The mean of the first sample minus that of the second, as above. The samples share one stream of n = n₁ + n₂ rows, by lot;
 * then σ̂² = n (s₁²/n₁ + s₂²/n₂).
 */
export function differenceBounds(first: Sample, second: Sample, options?: SequenceOptions): Bounded | undefined {
  if (Math.min(first.count, second.count) < rowsMin) return undefined
  const n = first.count + second.count
  const sigma = Math.sqrt(n * (first.variance / first.count + second.variance / second.count))
  return bounded(first.mean - second.mean, n, sigma, options)
}

function bounded(value: number, n: number, sigma: number, { alpha = 0.05, rho = 0.05 }: SequenceOptions = {}): Bounded {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha is between 0 and 1, not ${alpha}.`)
  if (!(rho > 0)) throw new RangeError(`rho is above 0, not ${rho}.`)
  const spread = n * rho * rho + 1
  const radius = sigma * Math.sqrt(((2 * spread) / (n * n * rho * rho)) * Math.log(Math.sqrt(spread) / alpha))
  return { value, low: value - radius, high: value + radius }
}
