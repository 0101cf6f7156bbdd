import assert from 'node:assert/strict'
import test from 'node:test'
import { bias, meanAbsoluteError, r2, rootMeanSquaredError } from './regression.ts'

// Errors 1, −2, 0, 3; squares 1, 4, 0, 9. y has mean 2.5 and squared deviations 2.25, 0.25, 0.25, 2.25.
const y = [1, 2, 3, 4]
const predicted = [2, 0, 3, 7]

test('errors are prediction minus truth', () => {
  assert.equal(meanAbsoluteError(y, predicted), 1.5)
  assert.equal(rootMeanSquaredError(y, predicted), Math.sqrt(3.5))
  assert.equal(bias(y, predicted), 0.5)
})

test('explained variance is 1 for the truth, 0 for the mean, negative for worse, undefined for a constant', () => {
  assert.equal(r2(y, y), 1)
  assert.equal(r2(y, [2.5, 2.5, 2.5, 2.5]), 0)
  assert.equal(r2(y, predicted), 1 - 14 / 5)
  assert.equal(r2([0.1, 0.1, 0.1], [0.1, 0.1, 0.2]), undefined)
})

test('rows that do not pair and values that are not finite are refused', () => {
  assert.throws(() => meanAbsoluteError([1], [1, 2]), RangeError)
  assert.throws(() => bias([], []), RangeError)
  assert.throws(() => rootMeanSquaredError([NaN], [1]), RangeError)
})
