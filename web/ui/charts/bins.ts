import type { ColumnProfile } from '../../wire.ts'

/** Geometry of distributions. Pure: everything is in shares of 0 to 1. */

interface Bar {
  readonly from: number
  readonly width: number
  readonly height: number
}

/**
 * Density bars from deciles: each holds a tenth of the rows, so its height is the inverse of its width. Values that
 * several deciles share, as zeros of rain do, become one narrow bar of full height. Undefined without a spread.
 */
export function densityOf(quantiles: readonly number[]): Bar[] {
  const [low, high] = [quantiles[0] ?? 0, quantiles.at(-1) ?? 0]
  if (!(high > low)) return []
  const thin = 0.02
  const widths = quantiles.slice(1).map((value, index) => Math.max((value - quantiles[index]!) / (high - low), thin))
  const total = widths.reduce((sum, width) => sum + width, 0)
  const tallest = Math.max(...widths.map(width => 1 / width))
  let from = 0
  return widths.map(width => {
    const bar = { from, width: width / total, height: Math.sqrt(1 / width / tallest) }
    from += bar.width
    return bar
  })
}

/** Bars of the most frequent values, each as a share of all present rows. */
export function topBars({
  top,
  count,
  missing,
}: Pick<ColumnProfile, 'top' | 'count' | 'missing'>): { value: string; share: number }[] {
  const present = Math.max(1, count - missing)
  return top.map(({ value, count: rows }) => ({ value, share: rows / present }))
}

/** Counts as shares of their sum; all zero when there is nothing. */
export function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map(count => (total === 0 ? 0 : count / total))
}

/** The outline of a step histogram as an SVG path, `heights` being shares of the largest value shown. */
export function stepPath(heights: readonly number[], { width, height }: { width: number; height: number }): string {
  const step = width / Math.max(1, heights.length)
  const y = (share: number): number => Math.round((height - share * height) * 10) / 10
  const points = heights.flatMap((share, index) => [
    `L ${round(index * step)} ${y(share)}`,
    `L ${round((index + 1) * step)} ${y(share)}`,
  ])
  return `M 0 ${height} ${points.join(' ')} L ${round(width)} ${height}`
}

const round = (value: number): number => Math.round(value * 10) / 10
