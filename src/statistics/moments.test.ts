import assert from 'node:assert/strict'
import test from 'node:test'
import { mean, quantile, standardDeviation, variance } from './moments.ts'

test('variance divides by n − 1 unless told otherwise', () => {
  // Mean 5; squared deviations 9, 1, 1, 1, 0, 0, 4, 16 sum to 32.
  const values = [2, 4, 4, 4, 5, 5, 7, 9]

  assert.equal(mean(values), 5)
  assert.equal(variance(values), 32 / 7)
  assert.equal(standardDeviation(values, 0), 2)
})

test('variance is not swallowed by a large mean', () => {
  assert.equal(variance([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]), 30)
})

test('a quantile between two values is interpolated, and the values are left in their order', () => {
  const values = [4, 1, 3, 2]

  // Position (4 − 1)·0.25 = 0.75 between 1 and 2.
  assert.deepEqual(
    [0, 0.25, 0.5, 1].map(q => quantile(values, q)),
    [1, 1.75, 2.5, 4],
  )
  assert.deepEqual(values, [4, 1, 3, 2])
})

test('empty input, missing values and impossible requests are refused', () => {
  assert.throws(() => mean([]), RangeError)
  assert.throws(() => mean([1, NaN]), RangeError)
  assert.throws(() => variance([1]), RangeError)
  assert.equal(variance([1], 0), 0)
  assert.throws(() => quantile([1, 2], 1.1), RangeError)
})
