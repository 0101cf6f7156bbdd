import fc from 'fast-check'
import assert from 'node:assert/strict'
import test from 'node:test'
import { binCount, binLabels, categoryBinning, countBins, quantileBinning } from './histogram.ts'
import type { Binning } from './histogram.ts'
import { seededRandom } from './random.ts'

const numeric = (...edges: number[]): Binning => ({ kind: 'numeric', edges })

test('quantile bins of distinct values hold equal counts', () => {
  const random = seededRandom(1)
  const values = Float64Array.from({ length: 1000 }, () => -Math.log(1 - random()))

  const counts = countBins(quantileBinning(values, 10), values)

  assert.deepEqual([...counts], Array(10).fill(100))
})

test('bins are open below and closed above, and the outer ones are unbounded', () => {
  assert.deepEqual([...countBins(numeric(1, 2), [1, 1.5, 2, 2.5, -Infinity, Infinity, -7])], [3, 2, 2])
})

test('missing values are not counted, nor is text in numeric bins', () => {
  assert.deepEqual([...countBins(numeric(1), [null, NaN, undefined, '3', 0.5])], [1, 0])
  const categories: Binning = { kind: 'categorical', categories: ['a', '7', 'true'] }
  assert.deepEqual([...countBins(categories, [null, undefined, NaN, 'a', 7, true, 'b'])], [1, 1, 1, 1])
})

test('ties collapse edges, so that a point mass has a bin of its own', () => {
  // 60 % zeros: the quantiles at 0.1 … 0.6 are all 0.
  const values = [0, 0, 0, 0, 0, 0, 0.5, 1.5, 2.5, 3.5]

  assert.deepEqual(quantileBinning(values, 10), numeric(0, 0.5, 1.5, 2.5))
})

test('a point mass at the largest value is separated from what is below it', () => {
  const values = [
    0.5, 0.7, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5,
  ]

  assert.deepEqual(quantileBinning(values, 4), numeric(0.7))
})

test('at most 20 distinct whole values have a bin each, whatever the number of bins asked for', () => {
  const few = Array.from({ length: 400 }, (_, i) => i % 20)
  const many = Array.from({ length: 420 }, (_, i) => i % 21)

  assert.deepEqual([...countBins(quantileBinning(few, 10), few)], Array(20).fill(20))
  assert.equal(binCount(quantileBinning(many, 10)), 10)
  assert.deepEqual(quantileBinning([5, 1, 3, 3], 2), numeric(1, 3))
})

test('a constant reference has a bin below, at and above the constant', () => {
  for (const constant of [5, 0, -2.5, 1e300]) {
    const binning = quantileBinning([constant, constant, constant], 10)

    const step = Math.max(1e-9, Math.abs(constant) * 1e-9)
    assert.deepEqual([...countBins(binning, [constant, constant - step, constant + step, constant])], [1, 2, 1])
    assert.deepEqual(binLabels(binning), [`< ${constant}`, `${constant}`, `> ${constant}`])
  }
})

test('what is not finite does not move the edges, and nothing at all has no quantiles', () => {
  assert.deepEqual(quantileBinning([Infinity, null, 0.5, NaN, 1.5, -Infinity], 2), numeric(0.5))
  assert.throws(() => quantileBinning([NaN, null, Infinity], 10), RangeError)
  assert.throws(() => quantileBinning([1, 2], 1), RangeError)
})

test('for any reference edges increase, every bin holds some of it, and there are at most as many as asked for', () => {
  const values = fc.array(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(0.25)), {
    minLength: 2,
  })
  const property = fc.property(values, fc.integer({ min: 2, max: 12 }), (reference, binsMax) => {
    fc.pre(new Set(reference.map(value => value + 0)).size > 1 && !reference.every(Number.isInteger))
    const binning = quantileBinning(reference, binsMax)
    const counts = countBins(binning, reference)

    assert.ok(binning.kind === 'numeric' && binning.edges.every((edge, i) => i === 0 || edge > binning.edges[i - 1]!))
    assert.ok(counts.length <= binsMax && counts.length >= 2 && counts.every(count => count > 0))
    assert.equal(new Set(binLabels(binning)).size, counts.length)
  })
  fc.assert(property, { seed: 7, numRuns: 300 })
})

test('categories are the most frequent ones, equally frequent ones in alphabetical order, the rest is other', () => {
  const binning = categoryBinning(['b', 'd', 'c', 'a', 'c', null, 'b', 'c', undefined], 3)

  assert.deepEqual(binning, { kind: 'categorical', categories: ['c', 'b', 'a'] })
  assert.deepEqual([...countBins(binning, ['a', 'b', 'b', 'd', 'new', null])], [0, 2, 1, 2])
  assert.equal(binCount(binning), 4)
  assert.deepEqual(binLabels(binning), ['c', 'b', 'a', 'other'])
})

test('labels are as short as they can be while the edges stay distinct', () => {
  assert.deepEqual(binLabels(numeric(3.2, 5, 9)), ['≤ 3.2', '3.2 – 5', '5 – 9', '> 9'])
  assert.deepEqual(binLabels(numeric(1 / 3, 2 / 3)), ['≤ 0.3333', '0.3333 – 0.6667', '> 0.6667'])
  assert.deepEqual(binLabels(numeric(1_000_001, 1_000_002)), ['≤ 1000001', '1000001 – 1000002', '> 1000002'])
  assert.deepEqual(binLabels(numeric()), ['all'])
})
