import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { afterLook } from './poll.ts'
import { command, inProcess, objective, openBed, until, type TestBed } from './testing.ts'
import type { Attempt } from './task.ts'

const begin = Date.parse('2026-01-01T00:00Z')
const minute = 60_000

test('who looks in vain looks again, a last time at the end of its time, and then no more', () => {
  const at = (now: number, otherwise?: 'fail' | 'skip') =>
    afterLook({ every: '5m', within: '12m', ...(otherwise && { otherwise }) }, { since: begin, now: begin + now })
  const waitingFor = 'what it looks for every 5m, until 2026-01-01T00:12:00.000Z'
  const late = 'What it looks for was not there within 12m.'

  assert.deepEqual(
    [
      at(0),
      at(10 * minute),
      at(12 * minute),
      at(13 * minute, 'skip'),
      afterLook({ every: '5m' }, { since: begin, now: begin + 999 * minute }),
    ],
    [
      { state: 'waiting', waitingFor, nextAt: begin + 5 * minute },
      { state: 'waiting', waitingFor, nextAt: begin + 12 * minute },
      { state: 'failed', error: late },
      { state: 'skipped', reason: late },
      { state: 'waiting', waitingFor: 'what it looks for every 5m', nextAt: begin + 1_004 * minute },
    ],
  )
})

/** A bed in which `look` ends with the next of these codes, and every other command with 0. */
async function openLooking(t: TestContext, codes: readonly number[], more: { over?: TestBed } = {}) {
  const clock = manualClock(begin)
  const left = [...codes]
  const calls: string[] = []
  const execute = async ({ spec, tracking }: Attempt) => {
    const name = spec.run!
    calls.push(`${name} ${(clock.now() - begin) / minute}${tracking === undefined ? '' : ', tracked'}`)
    const code = name === 'look' ? left.shift()! : 0
    if (code === 0) return { outputs: {}, metrics: [], facts: {} }
    throw new TrainyardError('task_failed', `The task exited with ${code}.`, { cause: { kind: 'exit', code } })
  }
  const bed = await openBed(t, { clock, executor: inProcess(execute), deps: { parallelTasks: 1 }, ...more })
  return { ...bed, clock, calls }
}

const cause = { kind: 'manual', reason: 'A test.' } as const
const start = ({ workflow }: TestBed, tasks: Parameters<TestBed['run']>[0]) =>
  workflow.start({ project: 'rain', pipeline: 'test', tasks, cause })
const isWaiting = async (bed: TestBed, run: string): Promise<boolean> => (await bed.states(run))['look'] === 'waiting'

test('a task that looks is one attempt over many calls, holds no seat in between, and goes on after a restart', async t => {
  const first = await openLooking(t, [75])
  const look = command('look', { poll: { every: '5m' } })
  const run = await start(first, { look, behind: command('behind', { after: ['look'] }), beside: command('beside') })
  await until(async () => (await isWaiting(first, run.id)) && (await first.states(run.id))['beside'] === 'succeeded')
  const waiting = (await first.workflow.task(run.id, 'look')).task
  await first.workflow.stop()

  const second = await openLooking(t, [75, 0], { over: first })
  second.clock.advance(5 * minute)
  await until(() => second.calls.length === 1)
  await until(() => isWaiting(second, run.id))
  second.clock.advance(5 * minute)
  const ended = await second.workflow.settled(run.id, { timeoutMs: 60_000 })
  const { task, attempts } = await second.workflow.task(run.id, 'look')

  assert.deepEqual(
    {
      first: first.calls.toSorted(),
      waiting: waiting.waitingFor,
      second: second.calls,
      run: ended.state,
      look: [task.attempt, task.startedAt, task.endedAt, attempts.map(({ state }) => state)],
    },
    {
      first: ['beside 0, tracked', 'look 0'],
      waiting: 'what it looks for every 5m',
      second: ['look 5', 'look 10', 'behind 10, tracked'],
      run: 'succeeded',
      look: [1, begin as Millis, (begin + 10 * minute) as Millis, ['succeeded']],
    },
  )
})

test('what is not there in time fails, or skips what is behind it; any other end is one like all others', async t => {
  const cases = [
    ['late', command('look', { poll: { every: '5m', within: '1m' }, retries: 3 }), [75, 75]],
    ['not needed', command('look', { poll: { every: '5m', within: '1m', otherwise: 'skip' } }), [75, 75]],
    ['broken', command('look', { poll: { every: '5m' } }), [75, 3]],
    ['not polled', command('look'), [75]],
  ] as const
  const ends: unknown[] = []
  for (const [name, look, codes] of cases) {
    const bed = await openLooking(t, codes)
    const { id } = await start(bed, { look, behind: command('behind', { after: ['look'] }) })
    if (look.poll) {
      await until(() => isWaiting(bed, id))
      bed.clock.advance(5 * minute)
    }
    const { state, error } = await bed.workflow.settled(id, { timeoutMs: 60_000 })
    ends.push([name, state, error, await bed.states(id), bed.calls.length])
  }
  const late = 'Task look: What it looks for was not there within 1m.'

  assert.deepEqual(ends, [
    ['late', 'failed', late, { look: 'failed', behind: 'skipped' }, 2],
    ['not needed', 'succeeded', undefined, { look: 'skipped', behind: 'skipped' }, 2],
    ['broken', 'failed', 'Task look: The task exited with 3.', { look: 'failed', behind: 'skipped' }, 2],
    ['not polled', 'failed', 'Task look: The task exited with 75.', { look: 'failed', behind: 'skipped' }, 1],
  ])
})

test('a cancelled run looks no more', async t => {
  const bed = await openLooking(t, [75])
  const { id } = await start(bed, { look: command('look', { poll: { every: '5m' } }) })
  await until(() => isWaiting(bed, id))

  const run = await bed.workflow.cancel(id, 'ann')
  bed.clock.advance(5 * minute)

  assert.deepEqual([run.state, await bed.states(id), bed.calls], ['cancelled', { look: 'cancelled' }, ['look 0']])
})

test('a run that is done again is given what was found, and looks for nothing', async t => {
  const bed = await openLooking(t, [0])
  const tasks = { look: { run: 'look', poll: { every: '5m' } }, fit: { run: 'fit', after: ['look'] } }
  await bed.projects.apply({ actor: 'ann', spec: { name: 'rain', objective, pipelines: { training: { tasks } } } })
  const { id } = await bed.workflow.start({ project: 'rain', pipeline: 'training', cause })
  await bed.workflow.settled(id, { timeoutMs: 60_000 })

  const again = await bed.workflow.reproduce(id, 'ann')
  const { state } = await bed.workflow.settled(again.id, { timeoutMs: 60_000 })

  assert.deepEqual([state, bed.calls], ['succeeded', ['look 0', 'fit 0, tracked', 'fit 0, tracked']])
})
