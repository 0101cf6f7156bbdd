import type { OutputColumn } from './server/runtime.ts'

/** What rounding to float32 and another order of summing may change. */
const absolute = 1e-5
const relative = 1e-4

export const isSameAnswer = (given: unknown, known: unknown): boolean =>
  typeof given === 'number' && typeof known === 'number'
    ? Math.abs(given - known) <= absolute + relative * Math.abs(known)
    : given === known

/** How far answers are from known ones. */
export interface Parity {
  /** Values that are not the same. */
  readonly differing: number
  /** The largest difference of two numbers. */
  readonly maxDelta: number
}

/** Values in the same order, `given` with truth values as 0 and 1. */
export function parityOf(known: readonly OutputColumn['values'][], given: readonly ArrayLike<unknown>[]): Parity {
  let [differing, maxDelta] = [0, 0]
  for (const [column, values] of known.entries())
    for (const [at, value] of values.entries()) {
      const expected = typeof value === 'boolean' ? Number(value) : value
      const found = given[column]?.[at]
      if (!isSameAnswer(found, expected)) differing++
      if (typeof expected === 'number') maxDelta = Math.max(maxDelta, Math.abs(Number(found) - expected))
    }
  return { differing, maxDelta }
}
