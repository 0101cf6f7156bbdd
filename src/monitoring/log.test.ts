import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#kernel/id.ts'
import { readWindow } from './log.ts'
import type { Prediction } from './ports.ts'

const prediction = (change: Partial<Prediction>): Prediction => ({
  id: newId('prd'),
  deployment: 'rain',
  revision: 'rev_1',
  version: 'mdv_1',
  eventTime: 1 as Prediction['eventTime'],
  receivedAt: 1 as Prediction['receivedAt'],
  features: {},
  outputs: {},
  latencyMs: 1,
  ...change,
})
const read = (items: readonly Prediction[]) =>
  readWindow({ predictions: async () => ({ items: [...items] }) }, 'rain', { from: 0, to: 2 })

test('a prediction that was drawn by lot counts for those that were not, and a failure for itself', async () => {
  const { rows, errors, answered } = await read([
    ...Array.from({ length: 6 }, () => prediction({ inclusion: 0.1 })),
    prediction({ error: 'no', inclusion: 0.1, drawn: false }),
  ])

  assert.deepEqual([rows, errors, answered.length], [61, 1, 6])
})

test('where more was written down at first, as much of it is compared as of what came later', async () => {
  const all = Array.from({ length: 4_000 }, () => prediction({ revision: 'all' }))
  const some = Array.from({ length: 1_000 }, () => prediction({ revision: 'some', inclusion: 0.25 }))

  const { rows, answered } = await read([...all, ...some])

  const kept = answered.filter(({ revision }) => revision === 'all').length
  assert.deepEqual([rows, answered.length - kept], [8_000, 1_000])
  // Four standard deviations of a binomial count.
  assert.ok(Math.abs(kept - 1_000) < 4 * Math.sqrt(4_000 * 0.25 * 0.75), String(kept))
})
