import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted } from './counted.ts'

test('one is one thing, and all else are things, with commas in long numbers', () => {
  assert.deepEqual(
    [0, 1, 2, 1_204].map(count => counted(count, 'run')),
    ['0 runs', '1 run', '2 runs', '1,204 runs'],
  )
})
