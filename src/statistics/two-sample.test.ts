import assert from 'node:assert/strict'
import test from 'node:test'
import { kolmogorovSurvival } from './kolmogorov.ts'
import { seededRandom } from './random.ts'
import { chiSquareHomogeneity, ksTwoSample, twoProportion } from './two-sample.ts'

const isClose = (actual: number, expected: number, relative = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`)

const a = [1, 2, 3, 4, 5, 6, 7, 8]
const b = Array.from({ length: 10 }, (_, i) => 2.5 + i)
const t = [1, 1, 2, 2, 2, 3, 3, 4, 5, 5]
const u = [2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 6]
const uniform = (random: () => number, length: number) => Float64Array.from({ length }, random)

test('Kolmogorov–Smirnov meets the golden vectors of SciPy exactly, with and without ties', () => {
  const [plain, tied] = [ksTwoSample(a, b), ksTwoSample(t, u)]

  assert.equal(plain.statistic, 0.4)
  isClose(plain.pValue, 0.39174550939256825)
  isClose(tied.statistic, 1 / 3)
  isClose(tied.pValue, 0.4769564800524554)
})

test('equal samples have p = 1, and disjoint constants the smallest p their sizes allow', () => {
  assert.deepEqual(ksTwoSample(a, a), { statistic: 0, pValue: 1 })
  // 2 of the C(7, 3) = 35 orders are as extreme.
  const { statistic, pValue } = ksTwoSample([1, 1, 1], [2, 2, 2, 2])
  assert.equal(statistic, 1)
  isClose(pValue, 2 / 35)
})

test('samples of equal size use the closed form', () => {
  const { statistic, pValue } = ksTwoSample([1, 2, 3, 4, 5], [2.5, 3.5, 4.5, 5.5, 6.5])

  isClose(statistic, 0.4)
  isClose(pValue, 0.873015873015873)
})

test('infinite values are compared like any other; missing values and empty samples are refused', () => {
  assert.equal(ksTwoSample([-Infinity, 0, Infinity], [0, Infinity, -Infinity]).statistic, 0)
  assert.throws(() => ksTwoSample([1, NaN], [1]), RangeError)
  assert.throws(() => ksTwoSample([], [1]), RangeError)
})

test('the large-sample approximation meets the golden vectors within 0.1 % from 100 observations up, 1 % at 50', () => {
  // scipy.stats.kstwo.sf(d, n).
  isClose(kolmogorovSurvival(0.1, 100), 0.2526927570063874, 1e-3)
  isClose(kolmogorovSurvival(0.05, 1000), 0.013012074781090332, 1e-3)
  isClose(kolmogorovSurvival(0.01, 50_000), 9.018048811843602e-5, 1e-3)
  isClose(kolmogorovSurvival(0.02, 10_000), 0.0006616848639387309, 1e-3)
  isClose(kolmogorovSurvival(0.2, 50), 0.03143877776953241, 0.01)
  isClose(kolmogorovSurvival(0.02, 1000), 0.8108971656895577, 1e-3)
  assert.deepEqual([kolmogorovSurvival(0, 100), kolmogorovSurvival(1, 1000)], [1, 0])
})

test('the exact and the approximate p-value agree where one takes over from the other', () => {
  const x = uniform(seededRandom(8), 1000).map(value => value + 0.03)
  const y = uniform(seededRandom(9), 1001)

  // n·m is just below and just above 10⁶.
  const exact = ksTwoSample(x, y.subarray(0, 999))
  const approximate = ksTwoSample(x, y)

  assert.ok(exact.pValue > 0.01 && exact.pValue < 0.5, `${exact.pValue}`)
  isClose(approximate.pValue, exact.pValue, 0.05)
})

test('without a difference Kolmogorov–Smirnov rejects about 1 in 20 at 5 %', () => {
  const random = seededRandom(10)
  let rejected = 0
  for (let i = 0; i < 2000; i++) if (ksTwoSample(uniform(random, 40), uniform(random, 60)).pValue <= 0.05) rejected++

  assert.ok(rejected >= 70 && rejected <= 120, `${rejected} of 2000`)
})

test('chi-square homogeneity meets the golden vectors and uses Yates only for two bins', () => {
  const four = chiSquareHomogeneity([50, 30, 20, 0], [30, 30, 30, 10])
  const two = chiSquareHomogeneity([90, 10], [80, 20])

  assert.equal(four.df, 3)
  isClose(four.statistic, 17)
  isClose(four.pValue, 0.0007067423923370282)
  isClose(two.statistic, 3.1764705882352944)
  isClose(two.pValue, 0.07470593331213068)
})

test('bins empty on both sides do not count, and rare ones are pooled', () => {
  // Expected 3 and 4 in each row of the last two bins: they are compared as one bin of 4 against 10.
  const pooled = chiSquareHomogeneity([50, 46, 2, 2], [45, 45, 4, 6])

  assert.deepEqual(pooled, chiSquareHomogeneity([50, 46, 0, 4], [45, 45, 0, 10]))
  assert.equal(pooled.df, 2)
  assert.deepEqual(chiSquareHomogeneity([5, 0], [9, 0]), { statistic: 0, pValue: 1, df: 0 })
  assert.equal(chiSquareHomogeneity([2, 1], [1, 2]).df, 1)
  assert.throws(() => chiSquareHomogeneity([1, 2], [0, 0]), RangeError)
  assert.throws(() => chiSquareHomogeneity([1, 2], [1]), RangeError)
})

test('the test of two proportions meets the golden vector, and z² is chi-square without Yates', () => {
  const { z, pValue, difference } = twoProportion({ successesA: 10, totalA: 100, successesB: 20, totalB: 100 })

  isClose(z, -1.9802950859533488)
  isClose(z * z, 3.9215686274509807)
  isClose(pValue, 0.04767038065616136)
  isClose(difference, -0.1)
})

test('where nothing or everything succeeds there is no difference to find', () => {
  const none = { successesA: 0, totalA: 5, successesB: 0, totalB: 9 }

  assert.deepEqual(twoProportion(none), { z: 0, pValue: 1, difference: 0 })
  assert.deepEqual(twoProportion({ ...none, successesA: 5, successesB: 9 }), { z: 0, pValue: 1, difference: 0 })
  assert.throws(() => twoProportion({ ...none, totalA: 0 }), RangeError)
  assert.throws(() => twoProportion({ ...none, successesA: 6 }), RangeError)
})
