import {
  binCount,
  binLabels,
  categoryBinning,
  countBins,
  mean,
  psi,
  psiNoiseFloor,
  quantileBinning,
  standardDeviation,
  type Binning,
} from '#statistics'
import { isMissing, type Cell } from './frame.ts'

/** Fewer values than this on either side say nothing about a distribution. */
const valuesMin = 20
const categoriesMax = 20
/** From so many stretches of the reference on, their scores set the threshold. */
const historyMin = 6

/** One column of a window beside the same column of its reference. Missing values are left out of both. */
export interface ColumnPair {
  readonly reference: readonly Cell[]
  readonly current: readonly Cell[]
  /** Pairs of parts of the reference that ought to be alike: what the column does by itself. */
  readonly stretches: readonly { readonly rows: readonly Cell[]; readonly others: readonly Cell[] }[]
}

export interface DriftRule {
  /** Accepted share of false alarms for this column alone: already divided by the number of columns. */
  readonly alpha: number
  /** The smallest PSI that is worth a look. */
  readonly effect: number
  /** Bins of a number. */
  readonly bins: number
}

export interface ColumnDrift {
  readonly score: number
  readonly threshold: number
  readonly because: string
  /** The score less what stretches of the reference score among themselves. */
  readonly excess: number
  readonly bins: {
    readonly labels: readonly string[]
    readonly reference: readonly number[]
    readonly current: readonly number[]
  }
}

/**
 * How far one column has moved, and from where on that is more than chance.
 *
 *   score = PSI over bins of the reference
 *   threshold = max(effect, noise floor · design effect, mean + 3·sd of what the reference scores against itself)
 *
 * The reference's own scores are brought to the window's number of rows by exchanging the noise that is expected of
 * each size, (k − 1)(1/n + 1/m). The design effect is how much they exceed that noise: days that resemble the day
 * before make rows worth less than they count [research report 6, 2.3].
 *
 * @returns undefined when either side has fewer than 20 values.
 */
export function columnDrift(pair: ColumnPair, rule: DriftRule): ColumnDrift | undefined {
  const [reference, current] = [present(pair.reference), present(pair.current)]
  if (reference.length < valuesMin || current.length < valuesMin) return undefined
  const binning = binningOf(reference, rule.bins)
  const [expected, actual] = [countBins(binning, reference), countBins(binning, current)]
  if (sum(expected) === 0 || sum(actual) === 0) return undefined
  const score = psi(expected, actual)
  const limit = thresholdOf(pair, rule, {
    bins: binCount(binning),
    reference: reference.length,
    current: current.length,
  })
  return {
    score,
    threshold: limit.threshold,
    because: limit.because,
    excess: Math.max(0, score - limit.usual),
    bins: { labels: binLabels(binning), reference: shares(expected), current: shares(actual) },
  }
}

interface Sizes {
  readonly bins: number
  readonly reference: number
  readonly current: number
}

function thresholdOf({ stretches }: ColumnPair, { alpha, effect, bins }: DriftRule, sizes: Sizes) {
  const noise = noiseOf(sizes)
  const own = stretches.flatMap(stretch => ownScore(stretch, bins))
  const designEffect =
    own.length === 0 ? 1 : Math.max(1, mean(own.map(({ score, noise: n }) => (n === 0 ? 1 : score / n))))
  const floor = psiNoiseFloor({ ...sizes, alpha, designEffect })
  const levelled = own.map(({ score, noise: n }) => Math.max(0, score - n) + noise)
  const isKnown = own.length >= historyMin
  const band = isKnown ? mean(levelled) + 3 * standardDeviation(levelled) : 0
  const usual = own.length > 0 ? mean(levelled) : noise
  const threshold = Math.max(effect, floor, band)
  return { threshold, usual, because: reason({ threshold, effect, floor, designEffect, stretches: own.length }) }
}

function reason(facts: {
  threshold: number
  effect: number
  floor: number
  designEffect: number
  stretches: number
}): string {
  const { threshold, effect, floor, designEffect, stretches } = facts
  if (threshold === effect)
    return `${effect} is the smallest PSI that matters; noise alone stays below ${floor.toFixed(2)}.`
  if (threshold === floor)
    return `Noise of this many rows and columns reaches ${floor.toFixed(2)} (design effect ${designEffect.toFixed(1)}).`
  return `Mean and 3 standard deviations of what ${stretches} stretches of the reference, as long as this window, score against the others.`
}

/** The score of a stretch against its others, and the noise that their sizes explain. */
function ownScore(stretch: ColumnPair['stretches'][number], bins: number): readonly { score: number; noise: number }[] {
  const [rows, others] = [present(stretch.rows), present(stretch.others)]
  if (rows.length < valuesMin || others.length < valuesMin) return []
  const binning = binningOf(others, bins)
  const [expected, actual] = [countBins(binning, others), countBins(binning, rows)]
  if (sum(expected) === 0 || sum(actual) === 0) return []
  return [
    {
      score: psi(expected, actual),
      noise: noiseOf({ bins: binCount(binning), reference: others.length, current: rows.length }),
    },
  ]
}

/** The PSI that is expected of two samples of one distribution. */
const noiseOf = ({ bins, reference, current }: Sizes): number => (bins - 1) * (1 / reference + 1 / current)

function binningOf(reference: readonly Cell[], bins: number): Binning {
  const numbers = reference.filter(cell => typeof cell === 'number')
  const isNumeric = numbers.length === reference.length && numbers.some(Number.isFinite)
  return isNumeric ? quantileBinning(numbers, bins) : categoryBinning(reference.map(String), categoriesMax)
}

/** Booleans count as numbers, so that a flag which arrives as 0 and 1 is the same flag. */
const present = (cells: readonly Cell[]): readonly Cell[] =>
  cells.filter(cell => !isMissing(cell)).map(cell => (typeof cell === 'boolean' ? Number(cell) : cell))

function shares(counts: Float64Array): readonly number[] {
  const total = sum(counts)
  return Array.from(counts, count => count / total)
}

const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0)
