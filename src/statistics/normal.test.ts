import assert from 'node:assert/strict'
import test from 'node:test'
import { normalCdf, normalQuantile } from './normal.ts'

const isClose = (actual: number, expected: number, relative: number) =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`)

test('the distribution function equals SciPy also deep in the tail', () => {
  assert.equal(normalCdf(0), 0.5)
  isClose(normalCdf(-1.96), 0.024997895148220435, 1e-14)
  isClose(normalCdf(1.96), 1 - 0.024997895148220435, 1e-15)
  isClose(normalCdf(-10), 7.61985302416047e-24, 1e-13)
  assert.deepEqual([normalCdf(-Infinity), normalCdf(Infinity), normalCdf(NaN)], [0, 1, NaN])
})

test('the quantile undoes the distribution function in all three of its branches', () => {
  for (let p = 0.001; p < 1; p += 0.001) isClose(normalCdf(normalQuantile(p)), p, 1e-13)
  for (let p = 1e-4; p > 1e-200; p /= 10) isClose(normalCdf(normalQuantile(p)), p, 1e-11)
  isClose(normalQuantile(0.975), 1.959963984540054, 1e-15)
  isClose(normalQuantile(1e-20), -9.262340089798409, 1e-14)
})

test('the quantile is symmetric, infinite at 0 and 1, and refuses what is no probability', () => {
  assert.equal(normalQuantile(0.25), -normalQuantile(0.75))
  assert.deepEqual([normalQuantile(0), normalQuantile(0.5), normalQuantile(1)], [-Infinity, 0, Infinity])
  for (const p of [-0.1, 1.1, NaN]) assert.throws(() => normalQuantile(p), RangeError)
})
