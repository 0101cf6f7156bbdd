import { mean, seededRandom } from '#statistics'
import type { Column } from './onnx.ts'

const repeats = 3
const seed = 2_001

/**
 * By how much the mean loss grows when one feature's values are dealt out anew among the rows, averaged over three
 * shuffles: what the model loses when it cannot rely on that feature [permutation importance, Breiman 2001]. Negative
 * values are noise around 0.
 */
export async function permutationImportance(
  columns: Readonly<Record<string, Column>>,
  lossesWith: (columns: Readonly<Record<string, Column>>) => Promise<Float64Array>,
): Promise<Record<string, number>> {
  const random = seededRandom(seed)
  const base = mean(await lossesWith(columns))
  const importance: Record<string, number> = {}
  for (const [feature, column] of Object.entries(columns)) {
    let increase = 0
    for (let repeat = 0; repeat < repeats; repeat++) {
      increase += mean(await lossesWith({ ...columns, [feature]: shuffled(column, random) })) - base
    }
    importance[feature] = increase / repeats
  }
  return importance
}

/** A copy in random order [Fisher and Yates 1938]. */
function shuffled(column: Column, random: () => number): Column {
  const copy = column.slice() as Float64Array
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = copy[last]!
    copy[last] = copy[other]!
    copy[other] = kept
  }
  return copy
}
