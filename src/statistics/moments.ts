import { requireFinite, requireProbability } from './precondition.ts'

/** The arithmetic mean of n ≥ 1 finite values, in their unit; a RangeError otherwise. */
export function mean(values: ArrayLike<number>): number {
  requireFinite(values)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/**
 * The variance, in the square of the values' unit.
 *
 *   Σ (xᵢ − x̄)² / (n − ddof), in two passes so that a large mean does not swallow it
 *
 * @param ddof 1 for the sample variance, 0 for the population's. Throws a RangeError unless n > ddof.
 */
export function variance(values: ArrayLike<number>, ddof = 1): number {
  const centre = mean(values)
  if (values.length <= ddof) throw new RangeError(`A variance needs more than ${ddof} values.`)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** 2
  return sum / (values.length - ddof)
}

/** The square root of the variance, in the values' unit; throws as `variance` does. */
export function standardDeviation(values: ArrayLike<number>, ddof = 1): number {
  return Math.sqrt(variance(values, ddof))
}

/**
 * The q-quantile by linear interpolation between order statistics, the default of R, NumPy and DuckDB's quantile_cont.
 *
 *   x₍⌊h⌋₎ + (h − ⌊h⌋)·(x₍⌊h⌋₊₁₎ − x₍⌊h⌋₎),  h = (n − 1)·q counted from 0 [Hyndman and Fan 1996, type 7]
 *
 * @param values Length n ≥ 1, finite, in any order; not changed. Throws a RangeError otherwise.
 * @param q In [0, 1].
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  requireFinite(values)
  requireProbability(q)
  const sorted = Float64Array.from(values).sort()
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const left = sorted[below]!
  const right = sorted[Math.min(below + 1, sorted.length - 1)]!
  return left + (position - below) * (right - left)
}
