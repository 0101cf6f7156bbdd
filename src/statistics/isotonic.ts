import { requireFinite, requirePairs } from './precondition.ts'

/** A non-decreasing curve through (thresholds[i], values[i]); plain JSON. */
export interface IsotonicFit {
  /** Scores, strictly increasing, length k ≥ 1. */
  readonly thresholds: readonly number[]
  /** Non-decreasing, length k. */
  readonly values: readonly number[]
}

/**
 * The non-decreasing curve closest to the labels in squares: recalibrates scores without changing their order.
 *
 *   minimise Σ (yᵢ − f(sᵢ))², f non-decreasing, by pooling adjacent violators [Barlow et al. 1972]
 *
 * Equal scores are averaged first. A pooled block is kept as its two ends.
 *
 * @param scores Finite, length n ≥ 1, in any order.
 * @param labels 0 or 1, or any finite target, length n. Throws a RangeError otherwise.
 */
export function isotonicFit(scores: ArrayLike<number>, labels: ArrayLike<number>): IsotonicFit {
  requirePairs(scores, labels)
  requireFinite(scores)
  requireFinite(labels)
  const blocks: Block[] = []
  for (const point of distinctPoints(scores, labels)) {
    let block = point
    while (blocks.length > 0 && level(blocks.at(-1)!) >= level(block)) block = merged(blocks.pop()!, block)
    blocks.push(block)
  }
  const ends = blocks.flatMap(block => (block.from === block.to ? [block.from] : [block.from, block.to]))
  const values = blocks.flatMap(block => Array<number>(block.from === block.to ? 1 : 2).fill(level(block)))
  return { thresholds: ends, values }
}

/**
 * The fitted value at a score: linear between two thresholds, the outermost value beyond them.
 *
 * @param score Any number but NaN; throws a RangeError for that.
 * @returns Within the range of the fitted values.
 */
export function isotonicApply({ thresholds, values }: IsotonicFit, score: number): number {
  if (Number.isNaN(score)) throw new RangeError('The score is not a number.')
  if (score <= thresholds[0]!) return values[0]!
  if (score >= thresholds.at(-1)!) return values.at(-1)!
  let [low, high] = [0, thresholds.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (thresholds[middle]! <= score) low = middle
    else high = middle
  }
  const share = (score - thresholds[low]!) / (thresholds[high]! - thresholds[low]!)
  return values[low]! + share * (values[high]! - values[low]!)
}

interface Block {
  readonly from: number
  readonly to: number
  readonly sum: number
  readonly weight: number
}

/** One block for each distinct score, in increasing order. */
function distinctPoints(scores: ArrayLike<number>, labels: ArrayLike<number>): Block[] {
  const order = Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)
  const points: Block[] = []
  for (const row of order) {
    const point = { from: scores[row]!, to: scores[row]!, sum: labels[row]!, weight: 1 }
    const isTied = points.at(-1)?.from === point.from
    points.push(isTied ? merged(points.pop()!, point) : point)
  }
  return points
}

function merged(left: Block, right: Block): Block {
  return { from: left.from, to: right.to, sum: left.sum + right.sum, weight: left.weight + right.weight }
}

function level({ sum, weight }: Block): number {
  return sum / weight
}
