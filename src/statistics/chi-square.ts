import { logGamma, regularisedGamma } from './gamma.ts'
import { normalQuantile } from './normal.ts'
import { requireProbability } from './precondition.ts'

/**
 * The probability that a chi-square variable exceeds x.
 *
 *   P(χ²_df > x) = Q(df/2, x/2)
 *
 * @param x The statistic; ≤ 0 gives 1.
 * @param df Degrees of freedom > 0, not necessarily whole. Throws a RangeError otherwise, or for NaN.
 */
export function chiSquareSurvival(x: number, df: number): number {
  requireDegrees(df)
  if (Number.isNaN(x)) throw new RangeError('The statistic is not a number.')
  return regularisedGamma(df / 2, x / 2).upper
}

/**
 * The value which a chi-square variable stays below with probability p, to about 1e-12 relative.
 *
 * Newton steps from the cube-root normal approximation [Wilson and Hilferty 1931], kept inside a bracket by bisection
 * and taken in the smaller tail, where the digits are.
 *
 * @param p In [0, 1]; 0 gives 0 and 1 gives Infinity. Throws a RangeError outside.
 * @param df Degrees of freedom > 0.
 */
export function chiSquareQuantile(p: number, df: number): number {
  requireDegrees(df)
  requireProbability(p)
  if (p === 0 || p === 1) return p === 0 ? 0 : Infinity
  let [low, high] = bracket(p, df)
  let x = firstGuess(p, df)
  for (let step = 0; step < 200; step++) {
    if (!(x > low && x < high)) x = (low + high) / 2
    const error = excess(x, p, df)
    if (error > 0) high = x
    else low = x
    const next = x - error / density(x, df)
    if (Math.abs(next - x) <= 1e-15 * x || high - low <= 1e-15 * high) return x
    x = next
  }
  return x
}

/** P(X ≤ x) − p, computed in the tail that is smaller at the solution. */
function excess(x: number, p: number, df: number): number {
  const { lower, upper } = regularisedGamma(df / 2, x / 2)
  return p < 0.5 ? lower - p : 1 - p - upper
}

function bracket(p: number, df: number): [number, number] {
  let high = Math.max(1, 2 * df)
  while (excess(high, p, df) < 0) high *= 2
  return [0, high]
}

function firstGuess(p: number, df: number): number {
  const spread = 2 / (9 * df)
  const cubeRoot = 1 - spread + normalQuantile(p) * Math.sqrt(spread)
  if (cubeRoot > 0.1) return df * cubeRoot ** 3
  // Near 0 the distribution function is x^a / (2^a · Γ(a + 1)) with a = df/2.
  return 2 * Math.exp((2 / df) * (Math.log(p) + logGamma(df / 2 + 1)))
}

function density(x: number, df: number): number {
  return 0.5 * Math.exp((df / 2 - 1) * Math.log(x / 2) - x / 2 - logGamma(df / 2))
}

function requireDegrees(df: number): void {
  if (!(df > 0 && df < Infinity)) throw new RangeError(`Degrees of freedom are positive, not ${df}.`)
}
