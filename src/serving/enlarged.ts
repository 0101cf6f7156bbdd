import type { Tensor } from '#registry'
import type { Golden } from './bundle.ts'
import { seededRandom } from '#statistics'

type Row = Golden['inputs']

/**
 * At least so many rows: those that are given, then others whose values are drawn column by column, numbers with fractions
 * from the range that was seen, and anything else from the values that were. The same rows give the same.
 */
export function enlarged(inputs: readonly Tensor[], rows: readonly Row[], rowsMin: number): readonly Row[] {
  const random = seededRandom(1)
  const columns = inputs.map(({ name, datatype }) => {
    const values = rows.map(row => row[name]!)
    if (!datatype.startsWith('FP')) return { name, draw: () => values[Math.floor(random() * values.length)]! }
    const numbers = values.map(Number)
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)]
    return { name, draw: () => low + random() * (high - low) }
  })
  const drawn = Array.from({ length: Math.max(0, rowsMin - rows.length) }, () =>
    Object.fromEntries(columns.map(({ name, draw }) => [name, draw()])),
  )
  return [...rows, ...drawn]
}
