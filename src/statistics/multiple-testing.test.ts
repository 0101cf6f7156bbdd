import assert from 'node:assert/strict'
import test from 'node:test'
import { benjaminiHochberg } from './multiple-testing.ts'
import { seededRandom } from './random.ts'

test('every p-value up to the last one under the line is rejected, in the order given', () => {
  // q·i/n at q = 0.05, n = 5: 0.01, 0.02, 0.03, 0.04, 0.05. Sorted: 0.001, 0.022 (above), 0.03 (on it), 0.041, 0.6.
  assert.deepEqual(benjaminiHochberg([0.6, 0.022, 0.041, 0.001, 0.03], 0.05), [false, true, false, true, true])
})

test('nothing is rejected where no p-value is under the line, nor where there is none', () => {
  assert.deepEqual(benjaminiHochberg([0.06, 0.9], 0.05), [false, false])
  assert.deepEqual(benjaminiHochberg([], 0.05), [])
})

test('equal p-values share their fate', () => {
  assert.deepEqual(benjaminiHochberg([0.04, 0.04, 0.04], 0.05), [true, true, true])
})

test('of the discoveries among 80 true and 20 false hypotheses about 4 % are false at q = 5 %', () => {
  const random = seededRandom(6)
  let falseShare = 0
  for (let run = 0; run < 1000; run++) {
    const rejected = benjaminiHochberg(
      Array.from({ length: 100 }, (_, i) => (i < 80 ? random() : random() / 10_000)),
      0.05,
    )
    const wrong = rejected.slice(0, 80).filter(Boolean).length
    falseShare += wrong / Math.max(1, rejected.filter(Boolean).length) / 1000
  }

  // The expectation is q times the share of true hypotheses.
  assert.ok(falseShare > 0.033 && falseShare < 0.047, `${falseShare}`)
})

test('what is no probability is refused', () => {
  assert.throws(() => benjaminiHochberg([0.1, NaN], 0.05), RangeError)
  assert.throws(() => benjaminiHochberg([0.1], 2), RangeError)
})
