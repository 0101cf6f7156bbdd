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

for (const chains of [1, 20])
  test(`answers that bring the next items leave others their turn, ${chains} at a time`, async () => {
    let isOver = false
    let batches = 0
    const write = batched(async (items: readonly number[]) => {
      batches++
      return items
    }, 9)
    const chain = async (): Promise<void> => {
      while (!isOver && batches < 1_000) await write(1)
    }
    setImmediate(() => setImmediate(() => setImmediate(() => (isOver = true))))

    await Promise.all(Array.from({ length: chains }, chain))

    assert.ok(batches < 50, `${batches} batches in three turns`)
  })
