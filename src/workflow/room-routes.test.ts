import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { workflowRoutes } from './routes.ts'
import { inProcess, objective, openBed, until } from './testing.ts'

/** A project with a pool of two slots, and tasks that run until they are told to end. */
async function open(t: TestContext) {
  const ends = new Map<string, () => void>()
  const executor = inProcess(async ({ task }) => {
    await new Promise<void>(resolve => void ends.set(task, resolve))
    return { outputs: {}, metrics: [], facts: {} }
  })
  const bed = await openBed(t, { executor, deps: { parallelTasks: 8 } })
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  t.after(() => bed.outbox.stop())
  workflowRoutes(app, bed.workflow, () => 'editor')
  const take = (gpu: number, more: object = {}) => ({ run: 'true', pools: { gpu }, ...more })
  const pipelines = {
    fit: { tasks: { first: take(1, { priority: 9 }), large: take(2), small: take(1), free: { run: 'true' } } },
    brief: { tasks: { impatient: take(2, { queueTimeout: '1s' }) } },
  }
  await bed.projects.apply({ spec: { name: 'rain', objective, pools: { gpu: 2 }, pipelines }, actor: 'ann' })
  bed.outbox.start()
  await bed.outbox.settled()
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) =>
    (await app.inject({ method, url, ...(payload && { payload }) })).json()
  const start = (pipeline: string) => call('POST', '/api/v1/projects/rain/runs', { pipeline })
  const waits = async (run: string) =>
    (await call('GET', `/api/v1/runs/${run}`)).tasks.map((task: Record<string, unknown>) => [
      task['name'],
      task['state'],
      task['waitingFor'],
    ])
  return { ...bed, call, start, waits, ends }
}

test('tasks wait for slots of their pool and say so, small ones behind large ones; who waits too long fails', async t => {
  const { start, waits, call, ends, workflow } = await open(t)

  const { id } = await start('fit')
  await until(() => ends.has('first') && ends.has('free'))
  const before = await waits(id)
  const brief = await start('brief')
  const failed = await workflow.settled(brief.id, { timeoutMs: 60_000 })
  const { attempts } = await call('GET', `/api/v1/runs/${brief.id}/tasks/impatient`)
  ends.get('first')!()
  await until(() => ends.has('large'))
  const between = await waits(id)
  ends.get('large')!()
  await until(() => ends.has('small'))
  for (const end of ends.values()) end()
  const last = await workflow.settled(id, { timeoutMs: 60_000 })

  assert.deepEqual(
    { before, between, last: last.state, failed: failed.error, cause: attempts[0].record.exit.cause },
    {
      before: [
        ['first', 'running', undefined],
        ['large', 'ready', '2 of pool gpu, of 2 1 are free'],
        ['small', 'ready', 'its turn at pool gpu'],
        ['free', 'running', undefined],
      ],
      between: [
        ['first', 'succeeded', undefined],
        ['large', 'running', undefined],
        ['small', 'ready', '1 of pool gpu, of 2 0 are free'],
        ['free', 'running', undefined],
      ],
      last: 'succeeded',
      failed: 'Task impatient: It has waited for room for longer than 1s: 2 of pool gpu, of 2 1 are free.',
      cause: 'queue_timeout',
    },
  )
})
