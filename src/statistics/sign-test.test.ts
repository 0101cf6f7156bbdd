import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signTest } from './sign-test.ts'

test('the sign test gives the binomial tail', () => {
  const near = (given: number, known: number): void =>
    assert.ok(Math.abs(given / known - 1) < 1e-9, `${given}, ${known}`)

  near(signTest(2, 8), 56 / 1024)
  near(signTest(0, 10), 1 / 1024)
  near(signTest(5, 5), 638 / 1024)
  assert.deepEqual([signTest(0, 0), signTest(7, 0)], [1, 1])
  // scipy.stats.binomtest(1100, 2000, alternative='greater')
  near(signTest(900, 1100), 4.228544767751905e-6)
  assert.throws(() => signTest(-1, 2), RangeError)
  assert.throws(() => signTest(1.5, 2), RangeError)
})
