import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyQuantile } from './latency.ts'

test('a quantile lies in the bucket that holds it', () => {
  const counts = new Map([
    [0, 50],
    [10, 45],
    [20, 5],
  ])

  const [p50, p95, p99] = [0.5, 0.95, 0.99].map(q => latencyQuantile(counts, q)!)

  assert.deepEqual(
    [p50, p95, p99].map(ms => Math.round(ms! * 1_000) / 1_000),
    [0.057, 0.786, 10.834],
  )
  assert.equal(latencyQuantile(new Map(), 0.5), undefined)
})
