import assert from 'node:assert/strict'
import test from 'node:test'
import { chiSquareQuantile, chiSquareSurvival } from './chi-square.ts'
import { logGamma } from './gamma.ts'

const isClose = (actual: number, expected: number, relative: number) =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`)

test('the logarithm of the gamma function is that of a factorial, and of √π at one half', () => {
  let factorial = 1
  for (let n = 1; n <= 20; n++) {
    isClose(Math.exp(logGamma(n + 1)), (factorial *= n), 1e-13)
  }
  isClose(logGamma(0.5), Math.log(Math.PI) / 2, 1e-14)
  isClose(logGamma(0.25), 1.2880225246980774, 1e-14)
  isClose(logGamma(1e-8), 18.42068073818021, 1e-14)
  assert.throws(() => logGamma(0), RangeError)
})

test('with two degrees of freedom survival is e^(−x/2)', () => {
  for (const x of [1e-6, 0.5, 2, 3.9, 4.1, 30, 700]) isClose(chiSquareSurvival(x, 2), Math.exp(-x / 2), 1e-13)
})

test('survival equals SciPy on both sides of the mean and for many degrees of freedom', () => {
  isClose(chiSquareSurvival(17, 3), 0.0007067423923370282, 1e-13)
  isClose(chiSquareSurvival(3.1764705882352944, 1), 0.07470593331213068, 1e-13)
  isClose(chiSquareSurvival(3.9215686274509807, 1), 0.04767038065616147, 1e-13)
  isClose(chiSquareSurvival(28, 2), 8.31528719103568e-7, 1e-13)
  isClose(chiSquareSurvival(950, 1000), 0.8691240657456885, 1e-12)
  assert.deepEqual([chiSquareSurvival(0, 3), chiSquareSurvival(-1, 3), chiSquareSurvival(Infinity, 3)], [1, 1, 0])
})

test('the quantile equals SciPy and undoes survival for any degrees of freedom', () => {
  isClose(chiSquareQuantile(0.999, 9), 27.877164871256568, 1e-12)
  isClose(chiSquareQuantile(0.05, 0.5), 8.437150840525987e-6, 1e-12)
  for (const df of [0.5, 1, 2, 9, 19, 99, 10_000]) {
    for (const p of [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999, 1 - 1e-9]) {
      const survival = chiSquareSurvival(chiSquareQuantile(p, df), df)
      isClose(p < 0.5 ? 1 - survival : survival, p < 0.5 ? p : 1 - p, p < 0.5 ? 1e-6 : 1e-10)
    }
  }
})

test('the ends of the range are 0 and infinity, and nonsense is refused', () => {
  assert.deepEqual([chiSquareQuantile(0, 3), chiSquareQuantile(1, 3)], [0, Infinity])
  assert.throws(() => chiSquareQuantile(1.5, 3), RangeError)
  assert.throws(() => chiSquareQuantile(0.5, 0), RangeError)
  assert.throws(() => chiSquareSurvival(1, -1), RangeError)
  assert.throws(() => chiSquareSurvival(NaN, 1), RangeError)
})
