import { requireProbability } from './precondition.ts'

/**
 * Says which of many tests to believe so that at most a share q of the believed ones is expected to be false.
 *
 *   reject the k smallest p-values, k = max { i : p₍ᵢ₎ ≤ q·i/n } [Benjamini and Hochberg 1995]
 *
 * Holds for independent and for positively dependent tests.
 *
 * @param pValues Length n ≥ 0, each in [0, 1]. Throws a RangeError otherwise.
 * @param q The accepted false discovery rate, in [0, 1].
 * @returns Length n, in the order given: true where the null hypothesis is rejected.
 */
export function benjaminiHochberg(pValues: ArrayLike<number>, q: number): readonly boolean[] {
  requireProbability(q)
  const sorted = Float64Array.from(pValues).sort()
  let largest = -1
  for (let i = 0; i < sorted.length; i++) {
    requireProbability(sorted[i]!)
    if (sorted[i]! <= (q * (i + 1)) / sorted.length) largest = sorted[i]!
  }
  return Array.from(pValues, p => p <= largest)
}
