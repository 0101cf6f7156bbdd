import type { OutputColumn } from './runtime.ts'

/** How far the answers of two revisions to the same rows are apart. */
export interface Agreement {
  readonly rows: number
  /** Rows to which both say the same. */
  readonly agreed: number
  /** Of the numbers in outputs that both have: the mean of each row's largest difference, added up, and the largest of all. */
  readonly differenceSum: number
  readonly differenceMax: number
}

/** Numbers this near to each other, relative to the larger one, say the same. */
const tolerance = 0.01

/**
 * A row agrees when in every output that both have the texts and truth values are the same, the probabilities lie on the same
 * side of one half, and other numbers within 1 % of each other. An output that only one of them has is passed over.
 */
export function agreementOf(given: readonly OutputColumn[], other: readonly OutputColumn[], rows: number): Agreement {
  const pairs = given.flatMap(output => {
    const found = other.find(({ name, width }) => name === output.name && width === output.width)
    return found ? [{ name: output.name, width: output.width, a: output.values, b: found.values }] : []
  })
  let [agreed, differenceSum, differenceMax] = [0, 0, 0]
  for (let row = 0; row < rows; row++) {
    const { isSame, difference } = compareRow(pairs, row)
    if (isSame) agreed++
    differenceSum += difference
    differenceMax = Math.max(differenceMax, difference)
  }
  return { rows, agreed, differenceSum, differenceMax }
}

interface Pair {
  readonly name: string
  readonly width: number
  readonly a: OutputColumn['values']
  readonly b: OutputColumn['values']
}

function compareRow(pairs: readonly Pair[], row: number): { isSame: boolean; difference: number } {
  let [isSame, difference] = [true, 0]
  for (const { name, width, a, b } of pairs)
    for (let at = row * width; at < (row + 1) * width; at++) {
      isSame &&= saysSame(name, a[at]!, b[at]!)
      difference = Math.max(difference, distance(a[at]!, b[at]!))
    }
  return { isSame, difference }
}

const distance = (one: OutputColumn['values'][number], two: OutputColumn['values'][number]): number =>
  typeof one === 'number' && typeof two === 'number' ? Math.abs(one - two) : 0

export function saysSame(
  name: string,
  one: OutputColumn['values'][number],
  two: OutputColumn['values'][number],
): boolean {
  if (typeof one !== 'number' || typeof two !== 'number') return one === two
  if (name === 'probability') return one >= 0.5 === two >= 0.5
  return Math.abs(one - two) <= tolerance * Math.max(Math.abs(one), Math.abs(two))
}
