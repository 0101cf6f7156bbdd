import fc from 'fast-check'
import assert from 'node:assert/strict'
import test from 'node:test'
import { hellingerDistance, jensenShannonDistance, totalVariation, wasserstein1 } from './distance.ts'

const isNear = (actual: number, expected: number, tolerance = 1e-14) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)
const distances = { jensenShannonDistance, hellingerDistance, totalVariation }

test('the golden vectors of SciPy are met', () => {
  const [reference, current] = [
    [50, 30, 20, 0],
    [30, 30, 30, 10],
  ]

  isNear(jensenShannonDistance(reference, current), 0.2747521614407188)
  isNear(hellingerDistance(reference, current), 0.26029347110701895)
  isNear(totalVariation(reference, current), 0.2)
})

test('the Wasserstein distance meets the golden vectors, with and without ties', () => {
  const a = [1, 2, 3, 4, 5, 6, 7, 8]
  const b = Array.from({ length: 10 }, (_, i) => 2.5 + i)

  isNear(wasserstein1(a, b), 2.5)
  isNear(wasserstein1([1, 1, 2, 2, 2, 3, 3, 4, 5, 5], [2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 6]), 1.2)
})

test('moving a sample by 3 costs 3, whatever its order', () => {
  assert.equal(wasserstein1([4, 0, 1], [3, 7, 4]), 3)
  assert.equal(wasserstein1([0], [-2, 2]), 2)
})

test('every distance is 0 between proportional histograms and 1 between disjoint ones', () => {
  for (const [name, distance] of Object.entries(distances)) {
    isNear(distance([1, 2, 3], [10, 20, 30]), 0, 1e-7)
    isNear(distance([0.3, 0.7, 0, 0], [0, 0, 5, 1]), 1)
    assert.throws(() => distance([1], [1, 2]), RangeError, name)
    assert.throws(() => distance([1, 1], [0, 0]), RangeError, name)
  }
})

test('every distance is symmetric, in [0, 1] and obeys the triangle inequality', () => {
  const histogram = fc
    .array(fc.integer({ min: 0, max: 50 }), { minLength: 4, maxLength: 4 })
    .filter(c => c.some(Boolean))
  const property = fc.property(histogram, histogram, histogram, (a, b, c) => {
    for (const distance of Object.values(distances)) {
      assert.ok(distance(a, b) >= 0 && distance(a, b) <= 1)
      isNear(distance(a, b), distance(b, a))
      assert.ok(distance(a, c) <= distance(a, b) + distance(b, c) + 1e-7)
    }
    assert.ok(hellingerDistance(a, b) ** 2 <= totalVariation(a, b) + 1e-12)
  })
  fc.assert(property, { seed: 3, numRuns: 300 })
})

test('the Wasserstein distance of equally large samples is the mean gap between their sorted values', () => {
  const sample = fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 7, maxLength: 7 })
  const property = fc.property(sample, sample, (x, y) => {
    const sortedY = y.toSorted((a, b) => a - b)
    const gaps = x.toSorted((a, b) => a - b).map((value, i) => Math.abs(value - sortedY[i]!))
    isNear(wasserstein1(x, y), gaps.reduce((sum, gap) => sum + gap) / 7, 1e-10)
  })
  fc.assert(property, { seed: 4, numRuns: 300 })
  assert.throws(() => wasserstein1([], [1]), RangeError)
  assert.throws(() => wasserstein1([1], [NaN]), RangeError)
})
