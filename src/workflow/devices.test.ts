import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, inProcess, openBed } from './testing.ts'

test('tasks that ask for GPUs run at the same time on those that are there, and never two on one', async t => {
  const gpus = ['GPU-a', 'GPU-b', 'GPU-c']
  const inUse = new Set<string>()
  const seen = new Set<string>()
  let [shared, most] = [0, 0]
  const executor = inProcess(async ({ devices = [] }) => {
    for (const device of devices) {
      if (inUse.has(device)) shared++
      inUse.add(device)
      seen.add(device)
    }
    most = Math.max(most, inUse.size)
    await new Promise(resolve => setTimeout(resolve, 20))
    for (const device of devices) inUse.delete(device)
    return { outputs: {}, metrics: [], facts: {} }
  })
  const room = { pools: {}, machine: { cpu: 8, memoryBytes: 2 ** 30, gpus } }
  const { run } = await openBed(t, { executor, deps: { parallelTasks: 8, room } })

  const { state } = await run(
    Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `t${index}`,
        command('train', { resources: { gpu: 1 + (index % 2) } }),
      ]),
    ),
  )

  assert.deepEqual([state, shared, most, [...seen].toSorted()], ['succeeded', 0, 3, gpus])
})
