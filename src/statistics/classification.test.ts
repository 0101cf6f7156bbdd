import fc from 'fast-check'
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  accuracy,
  brierScore,
  expectedCalibrationError,
  f1,
  logLoss,
  precision,
  recall,
  rocAuc,
  spiegelhalterZ,
} from './classification.ts'
import { seededRandom } from './random.ts'

const isNear = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)

const y = [1, 0, 1, 0]
const p = [0.9, 0.6, 0.4, 0.2]

test('the Brier score and the log loss are means over rows', () => {
  // 0.01 + 0.36 + 0.36 + 0.04 = 0.77
  isNear(brierScore(y, p), 0.77 / 4)
  isNear(logLoss(y, p), -Math.log(0.9 * 0.4 * 0.4 * 0.8) / 4)
})

test('a certain score that was wrong costs −ln 1e-15, not infinity', () => {
  isNear(logLoss([1], [0]), 34.538776394910684)
  isNear(logLoss([0], [1]), 34.538776394910684)
  isNear(logLoss([1, 0], [1, 0]), 0)
})

test('the area under the curve counts pairs in order, ties as half', () => {
  // Pairs (positive, negative): 0.9 beats both, 0.4 beats 0.2 only.
  assert.equal(rocAuc(y, p), 0.75)
  // 3 > 1; 2 = 2; 2 > 1; 3 > 2.
  assert.equal(rocAuc([0, 1, 0, 1], [1, 2, 2, 3]), 3.5 / 4)
  assert.equal(rocAuc([0, 1, 1], [0.5, 0.5, 0.5]), 0.5)
})

test('with one class only there is no area', () => {
  assert.deepEqual([rocAuc([1, 1], [0.1, 0.2]), rocAuc([0], [0.5])], [undefined, undefined])
})

test('the area equals the count over all pairs, and that of negated scores is its complement', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 9 })), { minLength: 1 })
  const property = fc.property(rows, pairs => {
    const labels = pairs.map(([label]) => label)
    const scores = pairs.map(([, score]) => score)
    fc.pre(new Set(labels).size === 2)
    const wins = pairs.flatMap(([a, s]) => pairs.flatMap(([b, r]) => (a > b ? [s > r ? 1 : s === r ? 0.5 : 0] : [])))
    const expected = wins.reduce<number>((sum, win) => sum + win, 0) / wins.length

    isNear(rocAuc(labels, scores)!, expected)
    isNear(
      rocAuc(
        labels,
        scores.map(score => -score),
      )!,
      1 - expected,
    )
  })
  fc.assert(property, { seed: 12, numRuns: 300 })
})

test('decisions are taken at the threshold or above', () => {
  // At 0.5: TP 1, FP 1, FN 1, TN 1. At 0.4: TP 2, FP 1, FN 0, TN 1.
  assert.deepEqual([accuracy(y, p), precision(y, p), recall(y, p), f1(y, p)], [0.5, 0.5, 0.5, 0.5])
  assert.deepEqual([accuracy(y, p, 0.4), precision(y, p, 0.4), recall(y, p, 0.4), f1(y, p, 0.4)], [0.75, 2 / 3, 1, 0.8])
})

test('a ratio of nothing to nothing is undefined rather than 0', () => {
  assert.deepEqual([precision(y, p, 0.95), recall(y, p, 0.95), f1(y, p, 0.95)], [undefined, 0, 0])
  assert.deepEqual([precision([0], [0.1]), recall([0], [0.1]), f1([0], [0.1])], [undefined, undefined, undefined])
})

test('the calibration error weighs the gap of each bin by its rows', () => {
  // Bin [0.2, 0.3): scores 0.2, 0.25 with 1 positive, gap |0.45 − 1| = 0.55. Last bin: 1.0 negative and 0.9 positive,
  // gap |1.9 − 1| = 0.9. Sum 1.45 over 4 rows.
  isNear(expectedCalibrationError([1, 0, 0, 1], [0.2, 0.25, 1, 0.9]), 1.45 / 4)
  // One bin: |2.35 − 2| over 4 rows.
  isNear(expectedCalibrationError([1, 0, 0, 1], [0.2, 0.25, 1, 0.9], 1), 0.35 / 4)
  assert.throws(() => expectedCalibrationError(y, p, 0), RangeError)
})

test('Spiegelhalter compares the Brier score with the one that the scores promise', () => {
  // Rows (1, 0.9) and (1, 0.2): excess 0.1·(−0.8) + 0.8·0.6 = 0.4; variance 0.64·0.09 + 0.36·0.16 = 0.1152.
  const { z, observedBrier, expectedBrier } = spiegelhalterZ([1, 1], [0.9, 0.2])

  isNear(z, 0.4 / Math.sqrt(0.1152))
  isNear(observedBrier, 0.325)
  isNear(expectedBrier, 0.125)
})

test('scores that leave no variance give 0, or infinity if a certain one was wrong', () => {
  assert.equal(spiegelhalterZ([1, 0, 1], [1, 0, 0.5]).z, 0)
  assert.equal(spiegelhalterZ([1, 0], [0, 0]).z, Infinity)
})

test('for true probabilities z is standard normal, and it is large for overconfident ones', () => {
  const random = seededRandom(13)
  const zs = Array.from({ length: 1000 }, () => {
    const scores = Float64Array.from({ length: 200 }, random)
    return spiegelhalterZ(
      scores.map(score => (random() < score ? 1 : 0)),
      scores,
    ).z
  })
  const scores = Float64Array.from({ length: 1000 }, random)
  const labels = scores.map(score => (random() < 0.25 + score / 2 ? 1 : 0))

  const rejected = zs.filter(z => Math.abs(z) > 1.96).length
  assert.ok(rejected > 30 && rejected < 70, `${rejected} of 1000`)
  assert.ok(spiegelhalterZ(labels, scores).z > 4)
})

test('labels other than 0 and 1, scores outside [0, 1] and unequal lengths are refused', () => {
  assert.throws(() => brierScore([2], [0.5]), RangeError)
  assert.throws(() => brierScore([1], [1.5]), RangeError)
  assert.throws(() => logLoss([1, 0], [0.5]), RangeError)
  assert.throws(() => rocAuc([1, 0], [NaN, 1]), RangeError)
  assert.throws(() => accuracy([], []), RangeError)
})
