import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, digestOfJson } from './digest.ts'

test('a digest is SHA-256 in hex [FIPS 180-4, example "abc"]', () => {
  assert.equal(digestOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('equal values have equal digests whatever the order of their keys', () => {
  assert.equal(digestOfJson({ a: 1, b: [{ d: 1, c: undefined }] }), digestOfJson({ b: [{ d: 1 }], a: 1 }))
  assert.notEqual(digestOfJson([1, 2]), digestOfJson([2, 1]))
})
