import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRateLimit } from './rate-limit.ts'

test('a client has the requests of one second at once, then as many as come in; others are not touched', () => {
  let now = 0
  const rates = createRateLimit(() => now)
  const take = (client = 'ada') => rates.take(client, 4)

  assert.deepEqual([take(), take(), take(), take(), take()], [0, 0, 0, 0, 250])
  assert.equal(take('bob'), 0)
  now = 250
  assert.deepEqual([take(), take()], [0, 250])
  now = 60_000
  assert.deepEqual([take(), take(), take(), take(), take()], [0, 0, 0, 0, 250])
})

test('less than one request a second is one every so often', () => {
  let now = 0
  const rates = createRateLimit(() => now)

  assert.deepEqual([rates.take('ada', 0.1), rates.take('ada', 0.1)], [0, 10_000])
  now = 10_000
  assert.equal(rates.take('ada', 0.1), 0)
})
