import fc from 'fast-check'
import assert from 'node:assert/strict'
import test from 'node:test'
import { countBins, quantileBinning } from './histogram.ts'
import { psi, psiNoiseFloor } from './psi.ts'
import { seededRandom } from './random.ts'

const isNear = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)

test('equal histograms have an index of 0, also if one is a multiple of the other', () => {
  assert.equal(psi([3, 0, 9], [3, 0, 9]), 0)
  assert.ok(psi([300, 100, 900], [30, 10, 90]) < 1e-3)
})

test('half a count is added to each bin on both sides', () => {
  // k = 2, N = 1 and 3: p = (1.5, 0.5)/2 = (¾, ¼), q = (0.5, 3.5)/4 = (⅛, ⅞).
  // (¾ − ⅛)·ln 6 + (¼ − ⅞)·ln(2/7) = ⅝·ln 21
  isNear(psi([1, 0], [0, 3]), 0.625 * Math.log(21))
})

test('a new category counts, but not without bound', () => {
  // An independent computation with NumPy.
  isNear(psi([50, 30, 20, 0], [30, 30, 30, 10]), 0.436305641228267)
})

test('the index is symmetric, never negative, and does not depend on the order of the bins', () => {
  const counts = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 30 })
  const property = fc.property(counts, pairs => {
    const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
    fc.pre(a.some(Boolean) && b.some(Boolean))
    const index = psi(a, b)

    assert.ok(index >= 0)
    isNear(psi(b, a), index, 1e-12 * (1 + index))
    isNear(psi(a.toReversed(), b.toReversed()), index, 1e-12 * (1 + index))
  })
  fc.assert(property, { seed: 11, numRuns: 500 })
})

test('histograms that cannot be compared are refused', () => {
  assert.throws(() => psi([1, 2], [1, 2, 3]), RangeError)
  assert.throws(() => psi([1, 2], [0, 0]), RangeError)
  assert.throws(() => psi([1, 2], [3, -1]), RangeError)
  assert.throws(() => psi([1, 2], [3, NaN]), RangeError)
})

test('the rows needed for the floor to fall to 0.1 are those of the published table', () => {
  // m = χ²(k−1)(1 − α)/0.1 with an endless reference; research report 6, section 2.3.
  const rows = (bins: number, alpha: number) =>
    Math.round(10 * psiNoiseFloor({ bins, reference: Infinity, current: 1, alpha }))

  assert.deepEqual(
    [2, 5, 10, 20, 50].map(bins => rows(bins, 1e-3)),
    [108, 185, 279, 438, 854],
  )
  assert.deepEqual(
    [2, 5, 10, 20, 50].map(bins => rows(bins, 1e-5)),
    [195, 285, 393, 574, 1031],
  )
})

test('a design effect widens the floor and never narrows it; a single bin has no noise', () => {
  const noise = { bins: 10, reference: 1000, current: 200, alpha: 0.01 }
  const floor = psiNoiseFloor(noise)

  isNear(floor, (1 / 1000 + 1 / 200) * 21.665994333461924, 1e-12)
  assert.equal(psiNoiseFloor({ ...noise, designEffect: 0.5 }), floor)
  isNear(psiNoiseFloor({ ...noise, designEffect: 3 }), 3 * floor)
  assert.equal(psiNoiseFloor({ ...noise, bins: 1 }), 0)
  for (const wrong of [
    { bins: 0 },
    { reference: 0 },
    { current: -1 },
    { alpha: 0 },
    { alpha: 1 },
    { designEffect: NaN },
  ]) {
    assert.throws(() => psiNoiseFloor({ ...noise, ...wrong }), RangeError)
  }
})

test('without drift about 1 window in 20 exceeds the floor for α = 5 %', () => {
  const random = seededRandom(2026)
  // Exponential values: quantile bins make every continuous distribution alike.
  const sample = (length: number) => Float64Array.from({ length }, () => -Math.log(1 - random()))
  const floor = psiNoiseFloor({ bins: 10, reference: 1000, current: 200, alpha: 0.05 })
  const windows = 2000
  let exceeded = 0
  for (let i = 0; i < windows; i++) {
    const reference = sample(1000)
    const binning = quantileBinning(reference, 10)
    if (psi(countBins(binning, reference), countBins(binning, sample(200))) > floor) exceeded++
  }

  assert.ok(exceeded / windows >= 0.02 && exceeded / windows <= 0.06, `${exceeded} of ${windows}`)
})

test('a shift by a third of a standard deviation exceeds the floor in 500 rows', () => {
  const random = seededRandom(5)
  const normal = (length: number, shift: number) =>
    Float64Array.from(
      { length },
      () => shift + Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
    )
  const [reference, current] = [normal(5000, 0), normal(500, 1 / 3)]
  const binning = quantileBinning(reference, 10)

  const index = psi(countBins(binning, reference), countBins(binning, current))

  assert.ok(index > psiNoiseFloor({ bins: 10, reference: 5000, current: 500, alpha: 0.001 }), `${index}`)
})
