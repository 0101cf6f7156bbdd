import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrainyardError } from '#kernel/error.ts'
import { causeOfEnd } from './record-attempt.ts'
import { createApp } from '#http'
import { workflowRoutes } from './routes.ts'
import { stop } from './stop.ts'
import { command, inProcess, openBed, task } from './testing.ts'

test('what the platform knows of an attempt is noted whether it succeeds, fails or is the platform’s own', async t => {
  const bed = await openBed(t, {
    handlers: { make: async () => ({ outputs: { rows: { value: [1, 2] } } }) },
    executor: inProcess(async ({ record, tracking }) => {
      record({ environments: [], exit: { code: 3, cause: 'exit' }, resources: { measured: 'sampled' } })
      throw new TrainyardError('task_failed', `no ${typeof tracking}`, { cause: { kind: 'exit', code: 3 } })
    }),
  })
  const run = await bed.run({
    make: task('make', { outputs: ['rows'] }),
    use: command('node use.js', { inputs: { rows: 'make.rows' } }),
  })
  const app = await createApp({ version: 'test' })
  t.after(() => app.close())
  workflowRoutes(app, bed.workflow, () => 'editor')
  const ask = async (name: string) => (await app.inject(`/api/v1/runs/${run.id}/tasks/${name}`)).json()

  const { host, ...use } = (await ask('use')).attempts[0].record
  const made = (await ask('make')).attempts[0]

  assert.deepEqual(use, {
    code: {},
    command: 'node use.js',
    environments: [],
    inputs: { rows: {} },
    outputs: {},
    exit: { code: 3, cause: 'exit' },
    resources: { measured: 'sampled' },
  })
  assert.deepEqual(
    [host.versions.node, made.record.exit, made.record.resources.measured, (await ask('nothing')).status],
    [process.version, { cause: 'succeeded' }, 'not measured: the platform does this task itself', 404],
  )
})

test('the platform’s reason to stop an attempt comes before what its process said of its end', () => {
  const controller = new AbortController()
  const failed = { state: 'failed', error: 'x' } as const
  const said = { signal: 'SIGTERM', cause: 'signal' }
  const cause = (more: Partial<Parameters<typeof causeOfEnd>[1]>): string =>
    causeOfEnd(failed, { signal: new AbortController().signal, facts: {}, said: undefined, ...more })
  stop(controller, 'timeout')

  assert.deepEqual(
    [
      cause({ said }),
      cause({ said, signal: controller.signal }),
      cause({ said: { code: 0, cause: 'succeeded' }, facts: { cause: { kind: 'outputs' } } }),
      cause({}),
    ],
    ['signal', 'timeout', 'outputs', 'error'],
  )
})
