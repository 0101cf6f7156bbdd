import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareInt64, int64Json, int64Of, int64Text } from './int64.ts'

const beyond = 2n ** 53n + 1n

test('a whole number has one form, whatever it came as', () => {
  for (const value of [7, 7n, '7']) assert.equal(int64Of(value), 7)
  for (const value of [beyond, String(beyond)]) assert.equal(int64Of(value), beyond)
  assert.equal(int64Of('-9223372036854775808'), -(2n ** 63n))
})

test('what has no 64 bits, and what lost its digits before, is refused', () => {
  for (const value of ['9223372036854775808', '1.5', '', 'x', 1.5, 2 ** 60, Number.NaN])
    assert.throws(() => int64Of(value), { code: 'invalid' }, String(value))
})

test('numbers within and beyond 2^53 are in one order', () => {
  const sorted = [-beyond, -1, 0, 2 ** 53 - 1, 2n ** 53n, beyond, 2n ** 63n - 1n].map(int64Of)

  assert.deepEqual(sorted.toReversed().toSorted(compareInt64), sorted)
})

test('JSON has all digits, as a number or as a text', () => {
  assert.equal(JSON.stringify([int64Json(beyond), int64Json(1)]), `[${beyond},1]`)
  assert.equal(JSON.stringify([int64Text(beyond), int64Text(1)]), `["${beyond}",1]`)
})
