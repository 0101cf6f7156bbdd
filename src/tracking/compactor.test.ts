import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCompactor } from './compactor.ts'

const many = (key: string) => Array.from({ length: 8_192 }, () => ({ key }))

test('a metric that waits for its turn is compacted once, with all that has come until then', async () => {
  const begun: string[] = []
  const first = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  const { added } = createCompactor(async ({ run, key }) => {
    begun.push(`${run} ${key}`)
    if (begun.length === 1) {
      for (const next of ['loss', 'acc', 'loss', 'acc', 'loss']) added('r2', many(next))
      first.resolve()
    }
    if (begun.length === 3) done.resolve()
  })
  added('r1', many('loss'))
  await first.promise
  await done.promise

  assert.deepEqual(begun, ['r1 loss', 'r2 loss', 'r2 acc'])
})

test('a step waits while points come, and only then', async () => {
  let steps = 0
  const done = Promise.withResolvers<void>()
  const { added } = createCompactor(async (_, between) => {
    for (; steps < 20; steps++) await between!()
    done.resolve()
  })
  added('r1', many('loss'))
  const writer = setInterval(() => added('r1', [{ key: 'loss' }]), 5)
  await new Promise(resolve => setTimeout(resolve, 100))
  const meanwhile = steps
  clearInterval(writer)
  await done.promise

  assert.ok(meanwhile <= 2, `${meanwhile} steps in 100 ms`)
})
