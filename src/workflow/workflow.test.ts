import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { command, openBed, task } from './testing.ts'
import type { PlatformTask } from './task.ts'

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Notes when each call begins and ends. */
function noting(ms = 0): { seen: string[]; atOnceMax: () => number; handler: PlatformTask } {
  const seen: string[] = []
  let now = 0
  let most = 0
  const handler: PlatformTask = async ({ task: name }) => {
    seen.push(name)
    most = Math.max(most, ++now)
    await sleep(ms)
    now -= 1
    return {}
  }
  return { seen, atOnceMax: () => most, handler }
}

test('tasks run after what they need, side by side up to the limit', async t => {
  const { seen, atOnceMax, handler } = noting(10)
  const bed = await openBed(t, { handlers: { x: handler }, deps: { parallelPlatformTasks: 3 } })

  const run = await bed.run({
    first: task('x'),
    a: task('x', { after: ['first'] }),
    b: task('x', { after: ['first'] }),
    c: task('x', { after: ['first'] }),
    d: task('x', { after: ['first'] }),
    last: task('x', { after: ['a', 'b', 'c', 'd'] }),
  })

  assert.deepEqual([run.state, seen[0], seen.at(-1), seen.length, atOnceMax()], ['succeeded', 'first', 'last', 6, 3])
  assert.deepEqual(await bed.events(), [
    'workflow.run_started',
    ...Array<string>(6).fill('workflow.task_finished'),
    'workflow.run_finished',
  ])
})

test('a task is called with its parameters, its inputs and a key that is the same at every attempt', async t => {
  const calls: object[] = []
  const bed = await openBed(t, {
    handlers: {
      make: async () => ({ outputs: { rows: { ref: 'dsv_1', value: 3 } } }),
      use: async ({ run, task: name, params, inputs, key }) => {
        calls.push({ name, params, inputs, key: key.replace(run.id, 'run') })
        if (calls.length === 1) throw new Error('Not yet.')
        return {}
      },
    },
  })

  const run = await bed.run({
    make: task('make'),
    use: task('use', { inputs: { data: 'make.rows' }, params: { n: 2 }, retries: 1 }),
  })

  const call = { name: 'use', params: { n: 2 }, inputs: { data: { ref: 'dsv_1', value: 3 } }, key: 'run/use' }
  assert.deepEqual([run.state, calls, bed.warnings.length], ['succeeded', [call, call], 1])
})

test('a failed task skips what depends on it, and what does not goes on', async t => {
  const { seen, handler } = noting()
  const bed = await openBed(t, {
    handlers: { x: handler, bad: () => Promise.reject(new TrainyardError('data_broken', 'Wind is −1.')) },
  })

  const run = await bed.run({
    bad: task('bad', { retries: 5 }),
    behind: task('x', { after: ['bad'] }),
    other: task('x'),
    next: task('x', { after: ['other'] }),
  })

  assert.deepEqual(
    {
      state: run.state,
      error: run.error,
      seen,
      states: await bed.states(run.id),
      attempt: (await bed.workflow.tasks(run.id))[0]?.attempt,
    },
    {
      state: 'failed',
      error: 'Task bad: Wind is −1.',
      seen: ['other', 'next'],
      states: { bad: 'failed', behind: 'skipped', other: 'succeeded', next: 'succeeded' },
      attempt: 1,
    },
  )
})

test('retries are used up with growing pauses', async t => {
  const clock = manualClock(1_000_000)
  const at: number[] = []
  const bed = await openBed(t, {
    clock,
    handlers: {
      x: () => {
        at.push(clock.now())
        return Promise.reject(new TrainyardError('unavailable', 'Away.'))
      },
    },
  })
  const { id } = await bed.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: task('x', { retries: 3 }) },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  const hand = setInterval(() => clock.advance(250), 5)
  t.after(() => clearInterval(hand))

  const run = await bed.workflow.settled(id, { timeoutMs: 60_000 })

  const pauses = at.slice(1).map((instant, index) => instant - at[index]!)
  const tooShort = pauses.filter((pause, index) => pause < 750 * 2 ** index)
  assert.deepEqual([run.state, at.length, tooShort], ['failed', 4, []])
})

test('a task that takes longer than its limit is stopped, and may be tried again', async t => {
  const reasons: string[] = []
  const hang: PlatformTask = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reasons.push((signal.reason as Error).message)
        reject(new Error('Aborted.'))
      })
    })
  const bed = await openBed(t, { handlers: { hang, deaf: () => new Promise(() => {}) }, deps: { graceMs: 30 } })

  const run = await bed.run({ a: task('hang', { timeout: '30ms' }), deaf: task('deaf', { timeout: '30ms' }) })

  const tasks = await bed.workflow.tasks(run.id)
  const message = 'The task took longer than its limit of 30ms.'
  assert.deepEqual(
    [run.state, tasks.map(one => [one.state, one.error]), reasons],
    [
      'failed',
      [
        ['failed', message],
        ['failed', message],
      ],
      [message],
    ],
  )
})

test('a cancelled run stops what runs, begins nothing more and stays cancelled', async t => {
  const { seen, handler } = noting()
  const started = Promise.withResolvers<void>()
  const bed = await openBed(t, {
    handlers: {
      x: handler,
      long: ({ signal }) =>
        new Promise((_, reject) => {
          started.resolve()
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    },
  })
  const { id } = await bed.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { long: task('long', { retries: 3 }), next: task('x', { after: ['long'] }) },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await started.promise

  await bed.workflow.cancel(id, 'ann')
  const run = await bed.workflow.settled(id, { timeoutMs: 60_000 })

  assert.deepEqual([run.state, await bed.states(id), seen], ['cancelled', { long: 'cancelled', next: 'cancelled' }, []])
  await assert.rejects(bed.workflow.cancel(id, 'ann'), { code: 'conflict' })
})

test('a resumed run does again what did not succeed, and nothing else', async t => {
  const { seen, handler } = noting()
  let broken = true
  const bed = await openBed(t, {
    handlers: {
      x: handler,
      gate: async () => (broken ? Promise.reject(new TrainyardError('gate_failed', 'Worse.')) : {}),
    },
  })
  const run = await bed.run({
    first: task('x'),
    gate: task('gate', { after: ['first'] }),
    last: task('x', { after: ['gate'] }),
  })
  broken = false

  await bed.workflow.resume(run.id, 'ann')
  const again = await bed.workflow.settled(run.id, { timeoutMs: 60_000 })

  assert.deepEqual([run.state, again.state, again.error, seen], ['failed', 'succeeded', undefined, ['first', 'last']])
  await assert.rejects(bed.workflow.resume(run.id, 'ann'), { code: 'conflict' })
})

test('starting twice with one key is one run', async t => {
  const bed = await openBed(t, { handlers: { x: noting().handler } })
  const request = {
    project: 'rain',
    pipeline: 'test',
    tasks: { a: task('x') },
    cause: { kind: 'incident', reason: 'Rain.' } as const,
    key: 'incident/1',
  }

  const runs = await Promise.all([1, 2, 3].map(() => bed.workflow.start(request)))

  assert.equal(new Set(runs.map(run => run.id)).size, 1)
})

test('a pipeline that cannot be run is refused with every reason', async t => {
  const bed = await openBed(t, { handlers: { x: noting().handler, 'data.ingest': noting().handler } })
  const start = (tasks: Parameters<typeof bed.run>[0]): Promise<unknown> =>
    bed.workflow.start({ project: 'rain', pipeline: 'p', tasks, cause: { kind: 'manual', reason: 'A test.' } })
  const problemsOf = async (tasks: Parameters<typeof bed.run>[0]) => {
    const error = await start(tasks).catch((thrown: unknown) => thrown)
    return (error as TrainyardError).detail['problems']
  }

  assert.deepEqual(
    await problemsOf({
      a: task('y', { after: ['nobody'] }),
      b: command('true', { inputs: { i: 'a.rows', j: 'c.model', k: 'nobody.x' } }),
      c: command('true', { outputs: ['other'] }),
    }),
    [
      { field: 'p.a.after', value: 'nobody', allowed: 'a task: a, b, c' },
      { field: 'p.a.uses', value: 'y', allowed: 'data.ingest' },
      { field: 'p.b.inputs.j', value: 'c.model', allowed: 'an output of c: other' },
      { field: 'p.b.inputs.k', value: 'nobody.x', allowed: 'an output of a task: a, b, c' },
    ],
  )
  assert.deepEqual(
    await problemsOf({
      a: task('x', { after: ['c'] }),
      b: task('x', { after: ['a'] }),
      c: task('x', { after: ['b'] }),
      d: task('x'),
    }),
    [{ field: 'p.tasks', value: 'a, b, c', allowed: 'no cycle: these tasks wait for each other' }],
  )
  assert.deepEqual(await problemsOf({}), [{ field: 'p.tasks', allowed: 'at least one task' }])
})

test('a task whose producer gave no such output fails and says which', async t => {
  const bed = await openBed(t, { handlers: { x: noting().handler } })

  const run = await bed.run({ a: task('x'), b: task('x', { inputs: { data: 'a.rows' }, retries: 4 }) })

  assert.equal(
    run.error,
    'Task b: Task b has an input that was not made.\n  b.inputs.data = "a.rows": an output that its task gave',
  )
})
