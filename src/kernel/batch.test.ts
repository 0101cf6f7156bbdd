import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batched } from './batch.ts'

test('what is asked for together is written together, and what comes meanwhile with the next batch', async () => {
  const batches: number[][] = []
  const write = batched(async (items: readonly number[]) => {
    batches.push([...items])
    await new Promise(resolve => setImmediate(resolve))
    return items.map(item => item * 10)
  }, 3)

  const results = await Promise.all([1, 2, 3, 4].map(write))

  assert.deepEqual(
    [results, batches],
    [
      [10, 20, 30, 40],
      [[1, 2, 3], [4]],
    ],
  )
})

test('an item that cannot be written fails alone', async () => {
  const write = batched(async (items: readonly number[]) => {
    if (items.includes(2)) throw new Error('Not 2.')
    return items
  }, 9)

  const results = await Promise.allSettled([1, 2, 3].map(write))

  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})
