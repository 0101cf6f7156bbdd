import { mean } from './moments.ts'
import { requirePairs } from './precondition.ts'

/**
 * Mean absolute difference between truth and prediction: Σ |ŷ − y| / n.
 *
 * @param y True values, finite, length n ≥ 1.
 * @param predicted Predictions, finite, length n. Throws a RangeError otherwise.
 * @returns A number ≥ 0 in the unit of y.
 */
export function meanAbsoluteError(y: ArrayLike<number>, predicted: ArrayLike<number>): number {
  return mean(errors(y, predicted).map(Math.abs))
}

/** Root of the mean squared error, √(Σ (ŷ − y)² / n), in the unit of y; arguments as in `meanAbsoluteError`. */
export function rootMeanSquaredError(y: ArrayLike<number>, predicted: ArrayLike<number>): number {
  return Math.sqrt(mean(errors(y, predicted).map(error => error * error)))
}

/** Mean error Σ (ŷ − y) / n in the unit of y, positive where predictions are too high; as `meanAbsoluteError`. */
export function bias(y: ArrayLike<number>, predicted: ArrayLike<number>): number {
  return mean(errors(y, predicted))
}

/**
 * The share of the variance that the predictions explain.
 *
 *   1 − Σ (ŷ − y)² / Σ (y − ȳ)²
 *
 * @param y True values, finite, length n ≥ 1.
 * @param predicted Predictions, finite, length n. Throws a RangeError otherwise.
 * @returns At most 1, negative if worse than the mean; undefined when y is constant.
 */
export function r2(y: ArrayLike<number>, predicted: ArrayLike<number>): number | undefined {
  const squares = errors(y, predicted).map(error => error * error)
  const centre = mean(y)
  const spread = Float64Array.from(y, value => (value - centre) ** 2)
  const total = spread.reduce((sum, square) => sum + square, 0)
  // The mean of equal values may differ from them in the last digit.
  if (Float64Array.from(y).every(value => value === y[0])) return undefined
  return 1 - squares.reduce((sum, square) => sum + square, 0) / total
}

function errors(y: ArrayLike<number>, predicted: ArrayLike<number>): Float64Array {
  requirePairs(y, predicted)
  return Float64Array.from(predicted, (value, i) => value - y[i]!)
}
