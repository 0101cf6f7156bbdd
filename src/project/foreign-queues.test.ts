import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rain } from './example.ts'
import { foreignQueues } from './foreign-queues.ts'
import { parseProjectFile } from './parse.ts'

test('of queues that this server does not serve it is said that another one has to', () => {
  const pipelines = {
    p: {
      tasks: { a: { run: 'true', queue: 'gpu' }, b: { run: 'true', queue: 'etl' }, c: { run: 'true' } },
      finally: { d: { run: 'true', queue: 'etl' } },
    },
  }
  const file = parseProjectFile({ ...rain(), pipelines, models: {}, deployments: {}, monitors: {} })
  const why = 'this server takes no tasks of queue etl: another one has to (taskQueues)'

  assert.deepEqual(
    [foreignQueues(file, { gpu: 1 }), foreignQueues(file, { gpu: 1, etl: 4 })],
    [[`pipelines.p.tasks.b.queue: ${why}`, `pipelines.p.finally.d.queue: ${why}`], []],
  )
})
