import { requirePairs } from './precondition.ts'

/**
 * Mean squared difference between label and score.
 *
 *   Σ (y − p)² / n [Brier 1950]
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores in [0, 1], length n. Throws a RangeError otherwise.
 * @returns In [0, 1]; smaller is better.
 */
export function brierScore(y: ArrayLike<number>, p: ArrayLike<number>): number {
  requireScores(y, p)
  let sum = 0
  for (let i = 0; i < y.length; i++) sum += (y[i]! - p[i]!) ** 2
  return sum / y.length
}

/**
 * Mean negative log-likelihood of the labels, in nats.
 *
 *   −Σ (y·ln p + (1 − y)·ln(1 − p)) / n, p clipped to [1e-15, 1 − 1e-15]
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores in [0, 1], length n. Throws a RangeError otherwise.
 * @returns In [0, 34.6]; smaller is better.
 */
export function logLoss(y: ArrayLike<number>, p: ArrayLike<number>): number {
  requireScores(y, p)
  let sum = 0
  for (let i = 0; i < y.length; i++) {
    const likelihood = y[i] === 1 ? p[i]! : 1 - p[i]!
    sum -= Math.log(Math.min(1 - 1e-15, Math.max(1e-15, likelihood)))
  }
  return sum / y.length
}

/**
 * The probability that a positive scores higher than a negative, ties counting half.
 *
 *   (R − n₁(n₁ + 1)/2) / (n₀·n₁), R the sum of the positives' midranks [Hanley and McNeil 1982]
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores, length n, on any scale but not NaN. Throws a RangeError otherwise.
 * @returns In [0, 1], or undefined when only one class is present.
 */
export function rocAuc(y: ArrayLike<number>, p: ArrayLike<number>): number | undefined {
  requireLabels(y, p)
  const order = Uint32Array.from(p, (_, i) => i).sort((a, b) => (p[a]! < p[b]! ? -1 : p[a]! > p[b]! ? 1 : 0))
  let [positives, rankSum] = [0, 0]
  for (let start = 0; start < order.length;) {
    let [end, tiedPositives] = [start, 0]
    while (end < order.length && p[order[end]!] === p[order[start]!]) tiedPositives += y[order[end++]!]!
    // Ranks start + 1 … end, all replaced by their mean.
    rankSum += (tiedPositives * (start + 1 + end)) / 2
    positives += tiedPositives
    start = end
  }
  const negatives = order.length - positives
  if (positives === 0 || negatives === 0) return undefined
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** The share of rows where score ≥ threshold agrees with the label; arguments and errors as in `precision`. */
export function accuracy(y: ArrayLike<number>, p: ArrayLike<number>, threshold = 0.5): number {
  const { tp, tn } = confusion(y, p, threshold)
  return (tp + tn) / y.length
}

/**
 * The share of true among the predicted positives: TP/(TP + FP).
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores, length n, not NaN; ≥ threshold is a predicted positive. Throws a RangeError otherwise.
 * @returns In [0, 1], or undefined when nothing is predicted positive.
 */
export function precision(y: ArrayLike<number>, p: ArrayLike<number>, threshold = 0.5): number | undefined {
  const { tp, fp } = confusion(y, p, threshold)
  return ratio(tp, tp + fp)
}

/** The share of positives that are found, TP/(TP + FN), or undefined without positives; as `precision` otherwise. */
export function recall(y: ArrayLike<number>, p: ArrayLike<number>, threshold = 0.5): number | undefined {
  const { tp, fn } = confusion(y, p, threshold)
  return ratio(tp, tp + fn)
}

/** Harmonic mean of precision and recall, 2TP/(2TP + FP + FN); undefined if no row is or is predicted positive. */
export function f1(y: ArrayLike<number>, p: ArrayLike<number>, threshold = 0.5): number | undefined {
  const { tp, fp, fn } = confusion(y, p, threshold)
  return ratio(2 * tp, 2 * tp + fp + fn)
}

/**
 * How far scores are from observed frequencies, averaged over bins of equal width.
 *
 *   Σ_b (n_b/n)·|mean score − share of positives in b|, bins [i/B, (i + 1)/B), the last closed [Naeini et al. 2015]
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores in [0, 1], length n. Throws a RangeError otherwise, or unless bins is whole and ≥ 1.
 * @returns In [0, 1]; 0 is calibrated. Biased upwards in small samples: test with `spiegelhalterZ`.
 */
export function expectedCalibrationError(y: ArrayLike<number>, p: ArrayLike<number>, bins = 10): number {
  requireScores(y, p)
  if (!(Number.isInteger(bins) && bins >= 1)) throw new RangeError(`There is at least one bin, not ${bins}.`)
  // n_b·(mean score − share of positives) is the sum of p − y over the bin.
  const gaps = new Float64Array(bins)
  for (let i = 0; i < y.length; i++) gaps[Math.min(bins - 1, Math.floor(p[i]! * bins))]! += p[i]! - y[i]!
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / y.length
}

/**
 * Tests whether the Brier score is what it would be if the scores were true probabilities.
 *
 *   z = Σ [(y − p)² − p(1 − p)] / √(Σ (1 − 2p)²·p(1 − p)), standard normal if calibrated [Spiegelhalter 1986]
 *
 * Positive z: worse than the scores promise. Scores of only 0, ½ and 1 leave no variance: z is then 0, or Infinity
 * when a certain score was wrong.
 *
 * @param y Labels 0 or 1, length n ≥ 1.
 * @param p Scores in [0, 1], length n. Throws a RangeError otherwise.
 */
export function spiegelhalterZ(
  y: ArrayLike<number>,
  p: ArrayLike<number>,
): { z: number; observedBrier: number; expectedBrier: number } {
  const observedBrier = brierScore(y, p)
  let [excess, expected, variance] = [0, 0, 0]
  for (let i = 0; i < y.length; i++) {
    const [score, slope] = [p[i]!, 1 - 2 * p[i]!]
    // (y − p)² − p(1 − p) = (y − p)(1 − 2p) for labels 0 and 1, without cancellation.
    excess += (y[i]! - score) * slope
    expected += score * (1 - score)
    variance += slope * slope * score * (1 - score)
  }
  const z = excess === 0 ? 0 : excess / Math.sqrt(variance)
  return { z, observedBrier, expectedBrier: expected / y.length }
}

function confusion(y: ArrayLike<number>, p: ArrayLike<number>, threshold: number) {
  requireLabels(y, p)
  const cells = { tp: 0, fp: 0, fn: 0, tn: 0 }
  for (let i = 0; i < y.length; i++) {
    if (p[i]! >= threshold) cells[y[i] === 1 ? 'tp' : 'fp']++
    else cells[y[i] === 1 ? 'fn' : 'tn']++
  }
  return cells
}

function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}

function requireLabels(y: ArrayLike<number>, p: ArrayLike<number>): void {
  requirePairs(y, p)
  for (let i = 0; i < y.length; i++) {
    if (y[i] !== 0 && y[i] !== 1) throw new RangeError(`Label ${i} is ${y[i]}; it must be 0 or 1.`)
    if (Number.isNaN(p[i])) throw new RangeError(`Score ${i} is not a number.`)
  }
}

function requireScores(y: ArrayLike<number>, p: ArrayLike<number>): void {
  requireLabels(y, p)
  for (let i = 0; i < p.length; i++) {
    if (p[i]! < 0 || p[i]! > 1) throw new RangeError(`Score ${i} is ${p[i]}; it must be between 0 and 1.`)
  }
}
