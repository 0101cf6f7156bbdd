import fc from 'fast-check'
import assert from 'node:assert/strict'
import test from 'node:test'
import { isotonicApply, isotonicFit } from './isotonic.ts'

test('labels in order are left alone, and a violation is pooled to its mean', () => {
  assert.deepEqual(isotonicFit([3, 1, 2], [9, 1, 4]), { thresholds: [1, 2, 3], values: [1, 4, 9] })
  // 0 | 1 0 1 0 → ½ | 1: as scipy.optimize.isotonic_regression gives it.
  assert.deepEqual(isotonicFit([1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1]), {
    thresholds: [1, 2, 5, 6],
    values: [0, 0.5, 0.5, 1],
  })
})

test('equal scores are averaged, and decreasing labels give a constant', () => {
  assert.deepEqual(isotonicFit([0.2, 0.2, 0.7], [0, 1, 1]), { thresholds: [0.2, 0.7], values: [0.5, 1] })
  assert.deepEqual(isotonicFit([0.1, 0.9], [1, 0]), { thresholds: [0.1, 0.9], values: [0.5, 0.5] })
})

test('between two thresholds the curve is straight, beyond the last it is level', () => {
  const fit = { thresholds: [0.2, 0.4, 0.8], values: [0, 0.5, 1] }

  const values = [-5, 0.2, 0.3, 0.4, 0.6, 0.8, Infinity].map(score => isotonicApply(fit, score))

  assert.deepEqual(
    values.map(value => Math.round(value * 1e9) / 1e9),
    [0, 0, 0.25, 0.5, 0.75, 1, 1],
  )
  assert.equal(isotonicApply({ thresholds: [0.5], values: [0.3] }, 0.1), 0.3)
  assert.throws(() => isotonicApply(fit, NaN), RangeError)
})

test('the fit is the least-squares one: it equals the minimum of maximal means', () => {
  // f(i) = max over a ≤ i of min over b ≥ i of the mean of labels a … b [Barlow et al. 1972].
  const property = fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 12 }), labels => {
    const average = (from: number, to: number) =>
      labels.slice(from, to + 1).reduce<number>((sum, label) => sum + label, 0) / (to - from + 1)
    const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
    const last = labels.length - 1
    const expected = (i: number) =>
      Math.max(...range(0, i).map(a => Math.min(...range(i, last).map(b => average(a, b)))))
    const fit = isotonicFit(range(0, last), labels)

    for (const i of range(0, last)) assert.ok(Math.abs(isotonicApply(fit, i) - expected(i)) < 1e-12)
  })
  fc.assert(property, { seed: 41, numRuns: 300 })
})

test('the curve never falls, its thresholds rise, and its mean over the rows is that of the labels', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1 })), { minLength: 1 })
  const property = fc.property(rows, pairs => {
    const [scores, labels] = [pairs.map(([score]) => score), pairs.map(([, label]) => label)]
    const fit = isotonicFit(scores, labels)
    const total = scores.reduce((sum, score) => sum + isotonicApply(fit, score), 0)

    assert.ok(fit.thresholds.every((threshold, i) => i === 0 || threshold > fit.thresholds[i - 1]!))
    assert.ok(fit.values.every((value, i) => i === 0 || value >= fit.values[i - 1]!))
    assert.ok(Math.abs(total - labels.reduce<number>((sum, label) => sum + label, 0)) < 1e-9)
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
})

test('unequal lengths, nothing at all and missing values are refused', () => {
  assert.throws(() => isotonicFit([1], [1, 0]), RangeError)
  assert.throws(() => isotonicFit([], []), RangeError)
  assert.throws(() => isotonicFit([NaN], [1]), RangeError)
})
