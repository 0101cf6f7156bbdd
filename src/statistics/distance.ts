import { requireCounts, requireFinite } from './precondition.ts'

/**
 * Jensen–Shannon distance between two histograms over the same bins, in base 2.
 *
 *   √(½·Σ pᵢ·log₂(pᵢ/mᵢ) + ½·Σ qᵢ·log₂(qᵢ/mᵢ)),  m = (p + q)/2,  0·log 0 = 0 [Endres and Schindelin 2003]
 *
 * @param p Counts or shares ≥ 0, length k; normalised here.
 * @param q The same, length k. Throws a RangeError if the lengths differ or a side sums to 0.
 * @returns In [0, 1]: 0 equal, 1 disjoint.
 */
export function jensenShannonDistance(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const [a, b] = shares(p, q)
  let divergence = 0
  for (let i = 0; i < a.length; i++) {
    const middle = (a[i]! + b[i]!) / 2
    divergence += (information(a[i]!, middle) + information(b[i]!, middle)) / 2
  }
  // Rounding can leave a tiny number on the wrong side of the range.
  return Math.sqrt(Math.min(1, Math.max(0, divergence)))
}

/**
 * Hellinger distance between two histograms over the same bins.
 *
 *   √(1 − Σ √(pᵢqᵢ)) = √(½·Σ (√pᵢ − √qᵢ)²)
 *
 * @param p Counts or shares ≥ 0, length k; normalised here.
 * @param q The same, length k. Throws a RangeError if the lengths differ or a side sums to 0.
 * @returns In [0, 1].
 */
export function hellingerDistance(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const [a, b] = shares(p, q)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (Math.sqrt(a[i]!) - Math.sqrt(b[i]!)) ** 2
  return Math.min(1, Math.sqrt(sum / 2))
}

/**
 * Total variation distance: the largest difference in probability that any set of bins can show.
 *
 *   ½·Σ |pᵢ − qᵢ|
 *
 * @param p Counts or shares ≥ 0, length k; normalised here.
 * @param q The same, length k. Throws a RangeError if the lengths differ or a side sums to 0.
 * @returns In [0, 1].
 */
export function totalVariation(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const [a, b] = shares(p, q)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return Math.min(1, sum / 2)
}

/**
 * Wasserstein distance of order 1 between two samples: how far the mass of one must be moved to make the other.
 *
 *   ∫ |F(z) − G(z)| dz = Σ |F − G|·Δz over the sorted pooled values
 *
 * @param x Finite values, length n ≥ 1, in any order.
 * @param y Finite values, length m ≥ 1. Throws a RangeError for an empty sample or a value that is not finite.
 * @returns A number ≥ 0 in the values' unit; divide by a standard deviation to compare columns.
 */
export function wasserstein1(x: ArrayLike<number>, y: ArrayLike<number>): number {
  requireFinite(x)
  requireFinite(y)
  const a = Float64Array.from(x).sort()
  const b = Float64Array.from(y).sort()
  let [i, j, sum] = [0, 0, 0]
  let previous = Math.min(a[0]!, b[0]!)
  while (i < a.length || j < b.length) {
    const takeA = j === b.length || (i < a.length && a[i]! <= b[j]!)
    const value = takeA ? a[i]! : b[j]!
    sum += Math.abs(i / a.length - j / b.length) * (value - previous)
    previous = value
    if (takeA) i++
    else j++
  }
  return sum
}

function shares(p: ArrayLike<number>, q: ArrayLike<number>): [Float64Array, Float64Array] {
  if (p.length !== q.length) throw new RangeError(`Bins differ: ${p.length} and ${q.length}.`)
  const [totalP, totalQ] = [requireCounts(p), requireCounts(q)]
  return [Float64Array.from(p, count => count / totalP), Float64Array.from(q, count => count / totalQ)]
}

function information(share: number, middle: number): number {
  return share === 0 ? 0 : share * Math.log2(share / middle)
}
