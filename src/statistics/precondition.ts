/** Throws a RangeError if two paired arrays differ in length or are empty. */
export function requirePairs(a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length !== b.length) throw new RangeError(`Lengths differ: ${a.length} and ${b.length}.`)
  if (a.length === 0) throw new RangeError('There are no values.')
}

/** Throws a RangeError unless there is at least one value and every value is finite. */
export function requireFinite(values: ArrayLike<number>): void {
  if (values.length === 0) throw new RangeError('There are no values.')
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw new RangeError(`Value ${i} is ${values[i]}; it must be a finite number.`)
  }
}

/** Throws a RangeError unless `p` is in [0, 1]; NaN is not. */
export function requireProbability(p: number): void {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`A probability is between 0 and 1, not ${p}.`)
}

/** Throws a RangeError unless the counts are finite and ≥ 0 with a positive sum; returns that sum. */
export function requireCounts(counts: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!
    if (!(count >= 0 && count < Infinity)) throw new RangeError(`Count ${i} is ${count}; it must be finite and ≥ 0.`)
    total += count
  }
  if (total === 0) throw new RangeError('There are no observations.')
  return total
}
