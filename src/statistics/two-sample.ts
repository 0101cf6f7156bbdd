import { chiSquareSurvival } from './chi-square.ts'
import { exactGapSurvival, greatestCommonDivisor, kolmogorovSurvival } from './kolmogorov.ts'
import { normalCdf } from './normal.ts'
import { requireCounts } from './precondition.ts'

/**
 * Kolmogorov–Smirnov test that two samples come from the same continuous distribution.
 *
 *   statistic = max |F(z) − G(z)| over the pooled values; ties are compared after the last of them
 *
 * The p-value is exact (SciPy's `method='exact'`) for equal sizes up to 10 000 and for other sizes up to n·m = 10⁶,
 * else that of a one-sample statistic of nm/(n + m) observations. With ties it is conservative.
 *
 * @param x Values, length n ≥ 1, in any order; ±Infinity is allowed.
 * @param y Values, length m ≥ 1. Throws a RangeError for an empty sample or NaN.
 */
export function ksTwoSample(x: ArrayLike<number>, y: ArrayLike<number>): { statistic: number; pValue: number } {
  const [a, b] = [sorted(x), sorted(y)]
  const [n, m] = [a.length, b.length]
  const gap = largestGap(a, b)
  const steps = (n / greatestCommonDivisor(n, m)) * m
  const isExact = n === m ? n <= 10_000 : n * m <= 1_000_000
  const pValue = isExact ? exactGapSurvival(n, m, gap) : kolmogorovSurvival(gap / steps, Math.round((n * m) / (n + m)))
  return { statistic: gap / steps, pValue }
}

/**
 * Pearson's chi-square test that two histograms over the same bins come from the same distribution.
 *
 *   statistic = Σ (O − E)²/E over the 2 × k table, E = row·column/N, df = k − 1
 *
 * Bins empty on both sides are dropped. Where two or more bins have E < 5 on a side they are pooled into one, if at
 * least 2 bins remain [Cochran 1954]. With df = 1, |O − E| is reduced by up to ½ [Yates 1934]. A single bin left
 * gives statistic 0, p 1, df 0.
 *
 * @param a Counts, length k.
 * @param b Counts, length k. Throws a RangeError if the lengths differ or a side has no observations.
 */
export function chiSquareHomogeneity(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): { statistic: number; pValue: number; df: number } {
  if (a.length !== b.length) throw new RangeError(`Bins differ: ${a.length} and ${b.length}.`)
  const shareA = requireCounts(a)
  const shareB = requireCounts(b)
  const shares: Column = [shareA / (shareA + shareB), shareB / (shareA + shareB)]
  const columns = pooled(
    Array.from(a, (count, i): Column => [count, b[i]!]).filter(([countA, countB]) => countA + countB > 0),
    shares,
  )
  const df = columns.length - 1
  if (df === 0) return { statistic: 0, pValue: 1, df }
  let statistic = 0
  for (const column of columns) statistic += columnStatistic(column, shares, df === 1 ? 0.5 : 0)
  return { statistic, pValue: chiSquareSurvival(statistic, df), df }
}

/** Two independent groups with a yes/no outcome. */
export interface TwoProportions {
  readonly successesA: number
  readonly totalA: number
  readonly successesB: number
  readonly totalB: number
}

/**
 * Two-sided test that two proportions are equal, with the pooled proportion P in the standard error.
 *
 *   z = (p_A − p_B) / √(P(1 − P)(1/n_A + 1/n_B)),  p = 2·Φ(−|z|)
 *
 * z² is Pearson's chi-square without Yates' correction. Where P is 0 or 1 nothing differs: z 0, p 1.
 * Throws a RangeError unless 0 ≤ successes ≤ total and total > 0 in both groups.
 */
export function twoProportion({ successesA, totalA, successesB, totalB }: TwoProportions): {
  z: number
  pValue: number
  difference: number
} {
  const difference = proportion(successesA, totalA) - proportion(successesB, totalB)
  const together = (successesA + successesB) / (totalA + totalB)
  const error = Math.sqrt(together * (1 - together) * (1 / totalA + 1 / totalB))
  if (error === 0) return { z: 0, pValue: 1, difference }
  const z = difference / error
  return { z, pValue: Math.min(1, 2 * normalCdf(-Math.abs(z))), difference }
}

function sorted(values: ArrayLike<number>): Float64Array {
  if (values.length === 0) throw new RangeError('There are no values.')
  const copy = Float64Array.from(values).sort()
  if (Number.isNaN(copy.at(-1))) throw new RangeError('A value is not a number; leave missing values out.')
  return copy
}

/** max |F − G| in units of 1/lcm(n, m), in whole numbers so that equal gaps are equal. */
function largestGap(a: Float64Array, b: Float64Array): number {
  const divisor = greatestCommonDivisor(a.length, b.length)
  const [stepA, stepB] = [b.length / divisor, a.length / divisor]
  let [i, j, largest] = [0, 0, 0]
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i]!, b[j]!)
    while (i < a.length && a[i] === value) i++
    while (j < b.length && b[j] === value) j++
    largest = Math.max(largest, Math.abs(i * stepA - j * stepB))
  }
  return largest
}

type Column = readonly [number, number]

function pooled(columns: readonly Column[], shares: Column): readonly Column[] {
  const isSmall = ([a, b]: Column) => (a + b) * Math.min(...shares) < 5
  const large = columns.filter(column => !isSmall(column))
  const small = columns.filter(isSmall)
  if (small.length < 2 || large.length < 1) return columns
  return [...large, small.reduce(([sumA, sumB], [a, b]) => [sumA + a, sumB + b])]
}

function columnStatistic(column: Column, shares: Column, correction: number): number {
  const total = column[0] + column[1]
  let sum = 0
  for (const row of [0, 1] as const) {
    const expected = total * shares[row]
    const distance = Math.abs(column[row] - expected)
    sum += (distance - Math.min(correction, distance)) ** 2 / expected
  }
  return sum
}

function proportion(successes: number, total: number): number {
  if (!(total > 0 && successes >= 0 && successes <= total)) {
    throw new RangeError(`${successes} of ${total} is not a proportion.`)
  }
  return successes / total
}
