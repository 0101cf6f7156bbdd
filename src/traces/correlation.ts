/** How often two conditions hold among the same traces. */
export interface Counts {
  readonly first: number
  readonly second: number
  readonly joint: number
  readonly total: number
}

/** Normalised pointwise mutual information [Bouma 2009]: -1 never together, 0 independent, 1 always together. */
export interface Correlation extends Counts {
  /** This and the next are NaN where a condition never holds. */
  readonly npmi: number
  /** With half a trace added to each of the four cells [Jeffreys]. */
  readonly npmiSmoothed: number
}

export const correlate = (counts: Counts): Correlation => ({
  ...counts,
  npmi: npmi(counts, 0),
  npmiSmoothed: npmi(counts, 0.5),
})

function npmi({ first, second, joint, total }: Counts, added: number): number {
  if (first === 0 || second === 0) return NaN
  if (joint === total) return 1
  const both = joint + added
  if (both === 0) return -1
  const n = total + 4 * added
  const pBoth = both / n
  // A cell's neighbour gets its own half, so each margin gets two.
  const pFirst = (first + 2 * added) / n
  const pSecond = (second + 2 * added) / n
  return Math.max(-1, Math.min(1, Math.log(pBoth / (pFirst * pSecond)) / -Math.log(pBoth)))
}
