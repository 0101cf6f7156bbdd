import { psi, psiNoiseFloor } from '#statistics'

/** How differently two revisions score the same rows, from counts by bucket (`score-bucket.ts`). */

const deciles = 10
/** How often chance alone may look like a shift. */
const alpha = 0.01

/** Rows by bucket of their score. */
export type ScoreCounts = ReadonlyMap<number, number>

export interface ScoreShift {
  /** The population stability index over the deciles of the revision that answered. */
  readonly psi: number
  /** The index that equal revisions exceed once in a hundred times, with as many rows. */
  readonly byChance: number
}

/** How far the scores of a shadow are distributed otherwise; undefined without any. */
export function scoreShift(shadow: ScoreCounts, against: ScoreCounts): ScoreShift | undefined {
  const [current, reference] = [total(shadow), total(against)]
  if (current === 0 || reference === 0) return undefined
  const edges = decileEdges(against, reference)
  const bins = edges.length + 1
  return {
    psi: psi(countsBelow(edges, against), countsBelow(edges, shadow)),
    byChance: psiNoiseFloor({ bins, reference, current, alpha }),
  }
}

const total = (counts: ScoreCounts): number => [...counts.values()].reduce((sum, rows) => sum + rows, 0)

/** The last bucket of each decile but the highest; one bucket with all rows stands between others, to see either direction. */
function decileEdges(counts: ScoreCounts, rows: number): readonly number[] {
  const [only] = counts.keys()
  if (counts.size === 1) return [only! - 1, only!]
  const edges: number[] = []
  let seen = 0
  for (const [bucket, more] of [...counts].toSorted(([a], [b]) => a - b)) {
    const decilesBefore = Math.floor((seen / rows) * deciles)
    seen += more
    if (seen < rows && Math.floor((seen / rows) * deciles) > decilesBefore) edges.push(bucket)
  }
  return edges
}

/** Rows up to each edge and above the one before, and those above all. */
function countsBelow(edges: readonly number[], counts: ScoreCounts): readonly number[] {
  const found = Array.from({ length: edges.length + 1 }, () => 0)
  for (const [bucket, rows] of counts) {
    const bin = edges.findIndex(edge => bucket <= edge)
    found[bin < 0 ? edges.length : bin]! += rows
  }
  return found
}
