import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveBack } from './give-back.ts'

test('bytes that are a buffer of their own are gone, and a part of a larger one stays', () => {
  const [own, larger] = [new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3])]
  const part = larger.subarray(1)

  giveBack(own)
  giveBack(part)

  assert.deepEqual([own.length, [...part], [...larger]], [0, [2, 3], [1, 2, 3]])
})
