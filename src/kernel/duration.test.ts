import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs } from './duration.ts'

test('durations are written with their unit', () => {
  assert.deepEqual(
    ['250ms', '90s', '10m', '1.5h', '30d'].map(durationMs),
    [250, 90_000, 600_000, 5_400_000, 2_592_000_000],
  )
  assert.throws(() => durationMs('10'), /10 is not a duration/)
})
