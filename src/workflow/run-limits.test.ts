import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import type { Run } from './run.ts'
import { inProcess, objective, openBed, until } from './testing.ts'

const hour = 3_600_000

/** A project whose runs may take four hours: tasks named `slow` go on until they are ended. */
async function open(t: TestContext) {
  const clock = manualClock(hour)
  const slow: string[] = []
  const executor = inProcess(async ({ task, signal }) => {
    if (task === 'slow') {
      slow.push(task)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    return { outputs: {}, metrics: [], facts: {} }
  })
  const bed = await openBed(t, { clock, executor, deps: { parallelTasks: 8 } })
  const pipelines = {
    training: {
      timeout: '4h',
      maxActive: 1,
      tasks: { quick: { run: 'x' }, slow: { run: 'x' }, behind: { run: 'x', after: ['slow'] } },
      finally: { tell: { run: 'x' } },
    },
    inner: { tasks: { slow: { run: 'x' } } },
    outer: { timeout: '4h', tasks: { inner: { pipeline: 'inner' } } },
  }
  await bed.projects.apply({ spec: { name: 'rain', objective, pipelines }, actor: 'ann' })
  const cause = { kind: 'manual', reason: 'A test.' } as const
  const start = async (pipeline: string) => (await bed.workflow.start({ project: 'rain', pipeline, cause })).id
  const settled = (id: string) => bed.workflow.settled(id, { timeoutMs: 60_000 })
  return { ...bed, clock, slow, start, settled }
}

test('a run that takes too long is ended and has failed; its last tasks run, and who waited in the line has all of its time', async t => {
  const { workflow, clock, slow, start, settled, states, outbox } = await open(t)
  const [first, second] = [await start('training'), await start('training')]
  await until(async () => slow.length === 1 && (await states(first))['quick'] === 'succeeded')
  const before = [(await workflow.run(first)).endsBy, (await workflow.run(second)).endsBy]

  clock.advance(4 * hour)
  const ended = await settled(first)
  await until(() => slow.length === 2)
  const next = await workflow.run(second)
  const events = await outbox.after(0, 1_000)
  const said = events.flatMap(({ type, data }) => (type === 'workflow.run_finished' ? [data as Partial<Run>] : []))

  assert.deepEqual(
    {
      before,
      ended: [ended.state, ended.error],
      tasks: await states(first),
      next: [next.state, next.endsBy],
      said: said.map(({ state, error }) => [state, error]),
    },
    {
      before: [5 * hour, undefined],
      ended: ['failed', 'The run took longer than its limit of 4h.'],
      tasks: { quick: 'succeeded', slow: 'cancelled', behind: 'cancelled', tell: 'succeeded' },
      next: ['running', 9 * hour],
      said: [['failed', 'The run took longer than its limit of 4h.']],
    },
  )
})

test('the runs that its tasks are end with it; what is resumed has no limit any more', async t => {
  const { workflow, clock, slow, start, settled, states } = await open(t)
  const id = await start('outer')
  await until(() => slow.length === 1)
  const child = (await workflow.task(id, 'inner')).task.child!

  clock.advance(4 * hour)
  const ends = [(await settled(id)).state, (await settled(child)).state]
  const resumed = await workflow.resume(id, 'ann')
  await until(() => slow.length === 2)
  clock.advance(9 * hour)

  assert.deepEqual([ends, resumed.endsBy, await states(id)], [['failed', 'cancelled'], undefined, { inner: 'waiting' }])
})
