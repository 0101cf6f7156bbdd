import { mean, standardDeviation } from './moments.ts'
import { psi } from './psi.ts'

/** From this many scores on, a column's own history sets its threshold. */
const scoresMin = 6

/**
 * How much each past window differs from the others: the PSI of window i against the sum of all windows but i.
 *
 * Leaving the window out matters: compared with a reference that contains it, it looks too much like it, and a
 * threshold from such scores gives false alarms [research report 6, 1.2].
 *
 * @param windows Counts over the same bins, each of length k. Throws a RangeError if the lengths differ.
 * @returns One score ≥ 0 for each window that has observations, in order; none if fewer than 2 windows have any.
 */
export function leaveOneOutScores(windows: readonly ArrayLike<number>[]): readonly number[] {
  const filled = windows.filter(window => sum(window) > 0)
  const [first] = filled
  if (first === undefined || filled.length < 2) return []
  const total = new Float64Array(first.length)
  for (const window of filled) for (let i = 0; i < window.length; i++) total[i]! += window[i]!
  return filled.map(window => {
    const others = total.map((count, i) => Math.max(0, count - window[i]!))
    return psi(others, window)
  })
}

/**
 * The score from which a window counts as drifted, given what this column's past windows scored.
 *
 *   max(effect, floor, mean + 3·sd), sd with ddof 1; without the last term below 6 scores
 *
 * @param scores PSI of past windows as `leaveOneOutScores` gives them, finite.
 * @param floor The noise of a PSI of this window's size: `psiNoiseFloor`.
 * @param effect The smallest PSI that is worth a look, such as 0.1.
 */
export function calibratedThreshold(
  scores: ArrayLike<number>,
  { floor, effect }: { readonly floor: number; readonly effect: number },
): number {
  const least = Math.max(effect, floor)
  if (scores.length < scoresMin) return least
  return Math.max(least, mean(scores) + 3 * standardDeviation(scores))
}

function sum(window: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < window.length; i++) total += window[i]!
  return total
}
