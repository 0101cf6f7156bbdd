import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { fsBlobs } from '#storage'
import { workflowRoutes } from './routes.ts'
import { inProcess, objective, openBed, task, type BedOptions } from './testing.ts'

async function open(t: TestContext, options: BedOptions = {}) {
  const bed = await openBed(t, options)
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  workflowRoutes(app, bed.workflow, () => 'editor')
  const call = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const reply = await app.inject({ method, url: `/api/v1${path}`, ...(body && { payload: body }) })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      text: reply.body,
      body: reply.headers['content-type']?.includes('json') ? reply.json() : undefined,
    }
  }
  return { ...bed, call }
}

test('a declared pipeline is started, seen, read and refused by name', async t => {
  const { projects, call, workflow } = await open(t, {
    executor: inProcess(async ({ log }) => {
      log('hello')
      return { outputs: {}, metrics: [], facts: {} }
    }),
  })
  await projects.apply({
    spec: {
      name: 'rain',
      objective,
      pipelines: { hello: { tasks: { say: { run: 'echo hello', params: { loud: true } } } } },
    },
    actor: 'ann',
  })

  const started = await call('POST', '/projects/rain/runs', { pipeline: 'hello', params: { loud: false } })
  await workflow.settled(started.body.id, { timeoutMs: 60_000 })
  const { body } = await call('GET', `/runs/${started.body.id}`)
  const log = await call('GET', `/tasks/${body.tasks[0].id}/log`)
  const overview = await call('GET', `/runs/${started.body.id}/overview`)

  assert.deepEqual(
    [
      started.status,
      body.run.state,
      body.run.actor,
      body.tasks[0].state,
      body.tasks[0].params,
      log.body.end,
      log.body.text.split('\n').slice(1),
    ],
    [201, 'succeeded', 'anonymous', 'succeeded', { loud: false }, true, ['hello', '']],
  )
  assert.deepEqual(
    [overview.body.run, overview.body.states, overview.body.tasks.items[0].id],
    [body.run, { succeeded: 1 }, body.tasks[0].id],
  )
  const page = await call('GET', `/runs/${started.body.id}?limit=1`)
  assert.deepEqual(page.body, body)
  assert.deepEqual((await call('GET', `/runs/${started.body.id}?after=${body.tasks[0].id}`)).body.tasks, [])
  assert.deepEqual((await call('GET', '/projects/rain/runs?pipeline=hello&state=succeeded&limit=5')).body, {
    items: [body.run],
  })
  assert.deepEqual((await call('GET', '/projects/rain/pipelines')).body, {
    items: [{ name: 'hello', tasks: [{ name: 'say', kind: 'run', needs: [] }], triggers: [], lastRun: body.run }],
  })
  assert.deepEqual(
    (await call('POST', '/projects/rain/runs', { pipeline: 'hello', params: { lod: 1 } })).body.problems,
    [{ field: 'params.lod', value: 1, allowed: 'a parameter that a task declares: loud' }],
  )
  assert.deepEqual(
    await Promise.all(
      ['/runs/run_1', '/tasks/tsk_1/log', '/tasks/tsk_1/outputs/model', '/projects/snow/pipelines'].map(
        async path => (await call('GET', path)).status,
      ),
    ),
    [404, 404, 404, 404],
  )
  assert.deepEqual(
    (await call('POST', '/projects/rain/runs', { pipeline: 'helo' })).body.title,
    'There is no pipeline rain/helo.',
  )
})

test('the bytes of an output are downloaded as an attachment that no browser runs', async t => {
  const bed = await open(t, {
    handlers: { x: async () => ({ outputs: { model: { digest: (await blob).digest, size: 5 } } }) },
  })
  const blob = fsBlobs(join(bed.folder, 'blobs')).put('bytes')
  const run = await bed.run({ a: task('x') })
  const [first] = await bed.workflow.tasks(run.id)

  const reply = await bed.call('GET', `/tasks/${first!.id}/outputs/model`)

  assert.deepEqual(
    [
      reply.status,
      reply.text,
      reply.headers['content-disposition'],
      reply.headers['content-security-policy'],
      reply.headers['content-length'],
    ],
    [200, 'bytes', 'attachment; filename="model"', 'sandbox', '5'],
  )
})

test('cancelling and resuming say when the run is not in the state for it', async t => {
  const { run, call } = await open(t, { handlers: { x: async () => ({}) } })
  const { id } = await run({ a: task('x') })

  const replies = [await call('POST', `/runs/${id}/cancel`), await call('POST', `/runs/${id}/resume`)]

  assert.deepEqual(
    replies.map(({ status, body }) => [status, body.title]),
    [
      [409, `Run ${id} has ended: succeeded.`],
      [409, `Run ${id} is succeeded; only a failed or cancelled run is resumed.`],
    ],
  )
})

test('a run with its tasks has the first five hundred, and says where they go on', async t => {
  const { call, workflow } = await open(t, { isStopped: true, handlers: { x: async () => ({}) } })
  const tasks = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`t${index}`, task('x')]))
  const { id } = await workflow.start({
    project: 'rain',
    pipeline: 'wide',
    tasks,
    cause: { kind: 'manual', reason: 'A test.' },
  })

  const { body: first } = await call('GET', `/runs/${id}`)
  const { body: last } = await call('GET', `/runs/${id}?after=${first.next}`)

  assert.deepEqual(
    [first.tasks.length, first.tasks.at(-1).id === first.next, last.tasks.map(({ name }: { name: string }) => name)],
    [500, true, ['t500']],
  )
  assert.deepEqual([last.run.id, last.next], [id, undefined])
})
