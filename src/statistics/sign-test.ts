import { logGamma } from './gamma.ts'

/**
 * The exact one-sided sign test: how likely as many losses, or more, are when each pair that is decided at all is lost by
 * the toss of a coin. Pairs that are even are left out before [Dixon and Mood 1946].
 *
 *   p = Σ_{i ≥ losses} C(n, i) / 2ⁿ,  n = wins + losses
 *
 * Throws a RangeError for counts that are negative or not whole.
 *
 * @returns In (0, 1]; 1 when nothing is decided.
 */
export function signTest(wins: number, losses: number): number {
  for (const count of [wins, losses])
    if (!(Number.isSafeInteger(count) && count >= 0)) throw new RangeError(`A count is whole, and not ${count}.`)
  const pairs = wins + losses
  if (losses === 0) return 1
  // From the likeliest term, so that a small tail keeps its digits.
  const logTerm = (lost: number): number =>
    logGamma(pairs + 1) - logGamma(lost + 1) - logGamma(pairs - lost + 1) - pairs * Math.LN2
  let sum = 0
  for (let lost = losses; lost <= pairs; lost++) sum += Math.exp(logTerm(lost))
  return Math.min(1, sum)
}
