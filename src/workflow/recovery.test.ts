import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { command, openBed, task, until } from './testing.ts'
import type { Attempt, Execution, Executor, PlatformTask } from './task.ts'

test('a waiting task holds nothing, is called again at its time, and survives a restart', async t => {
  const clock = manualClock(1_000)
  const calls: number[] = []
  const handlers: Record<string, PlatformTask> = {
    observe: async () => {
      calls.push(clock.now())
      return calls.length < 3
        ? { waitMs: 60_000, waitingFor: '1,000 requests' }
        : { outputs: { verdict: { value: 'promote' } } }
    },
  }
  const first = await openBed(t, { clock, handlers, deps: { parallelPlatformTasks: 1 } })
  const { id } = await first.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: task('observe') },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await until(async () => (await first.states(id))['a'] === 'waiting')
  const waiting = (await first.workflow.tasks(id))[0]
  await first.workflow.stop()

  const second = await openBed(t, { clock, handlers, over: first })
  clock.advance(60_000)
  await until(() => calls.length === 2)
  await until(async () => (await second.states(id))['a'] === 'waiting')
  clock.advance(60_000)
  const run = await second.workflow.settled(id, { timeoutMs: 60_000 })

  const [done] = await second.workflow.tasks(id)
  assert.deepEqual(
    [waiting?.waitingFor, calls, run.state, done?.attempt, done?.outputs],
    ['1,000 requests', [1_000, 61_000, 121_000], 'succeeded', 1, { verdict: { value: 'promote' } }],
  )
})

test('what a stopped process was running is begun again by its successor, at no cost of tries', async t => {
  const calls: string[] = []
  const hang =
    (who: string): PlatformTask =>
    ({ signal, key }) =>
      new Promise((_, reject) => {
        calls.push(`${who} ${key.split('/')[1]}`)
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
  const first = await openBed(t, { handlers: { x: hang('first') } })
  const { id } = await first.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: task('x') },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await until(() => calls.length === 1)
  await first.workflow.stop()

  const second = await openBed(t, {
    over: first,
    handlers: {
      x: async ({ key }) => {
        calls.push(`second ${key.split('/')[1]}`)
        return {}
      },
    },
  })
  const run = await second.workflow.settled(id, { timeoutMs: 60_000 })

  assert.deepEqual(
    [calls, run.state, (await second.workflow.tasks(id))[0]?.attempt],
    [['first a', 'second a'], 'succeeded', 2],
  )
})

test('a neighbour takes over when a lease runs out, and the late result of the first is thrown away', async t => {
  const clock = manualClock(1_000)
  // A process that sleeps: it has claimed, and renews nothing.
  const sleeper = await openBed(t, {
    clock,
    deps: { owner: 'sleeper' },
    isStopped: true,
    handlers: { x: async () => ({}) },
  })
  const { id } = await sleeper.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: task('x') },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  const [claim] = await sleeper.store.transaction(tx =>
    sleeper.store.claim(tx, {
      pool: 'platform',
      limit: 1,
      owner: 'sleeper',
      machine: 'here',
      devices: [],
      now: 1_000,
      leaseUntil: 11_000,
    }),
  )
  clock.advance(10_001)

  const neighbour = await openBed(t, {
    clock,
    over: sleeper,
    deps: { owner: 'neighbour' },
    handlers: { x: async () => ({ outputs: { by: { value: 'neighbour' } } }) },
  })
  // It has to have been well itself for the time of a lease before it judges others.
  await until(async () => {
    clock.advance(1_000)
    return (await neighbour.states(id))['a'] === 'succeeded'
  })
  const run = await neighbour.workflow.settled(id, { timeoutMs: 60_000 })
  const [late] = await sleeper.store.transaction(tx =>
    sleeper.store.finish(tx, [
      {
        task: claim!.task,
        attempt: claim!.attempt,
        call: claim!.call,
        owner: 'sleeper',
        outcome: { state: 'succeeded', outputs: { by: { value: 'sleeper' } }, metrics: {} },
        at: 0,
      },
    ]),
  )

  assert.deepEqual(
    [run.state, late, (await neighbour.workflow.tasks(id))[0]?.outputs],
    ['succeeded', undefined, { by: { value: 'neighbour' } }],
  )
})

/** An engine that runs jobs whoever follows them, as a cluster does. */
function engine() {
  const jobs = new Map<string, PromiseWithResolvers<Execution>>()
  const log: string[] = []
  const follow = async ({ id, signal }: Attempt, how: string): Promise<Execution> => {
    log.push(`${how} ${jobs.has(id) ? 'known' : 'unknown'}`)
    const stopped = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => stopped.reject(signal.reason))
    return Promise.race([jobs.get(id)!.promise, stopped.promise])
  }
  const executor = (canReach = true): Executor => ({
    async execute(attempt) {
      await attempt.started({ job: attempt.id })
      jobs.set(attempt.id, Promise.withResolvers())
      return follow(attempt, 'began')
    },
    adopt: attempt => follow(attempt, 'adopted'),
    canReach: async () => canReach,
    reap: async () => {},
  })
  const end = (): void => {
    for (const job of jobs.values()) job.resolve({ outputs: { by: { value: 'job' } }, metrics: [], facts: {} })
  }
  return { log, executor, end }
}

test('what runs under an executor goes on when its process stops, and the next one follows it: one attempt', async t => {
  const { log, executor, end } = engine()
  const first = await openBed(t, { executor: executor() })
  const { id } = await first.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: command('train', { outputs: ['by'] }) },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await until(() => log.length === 1)
  await first.workflow.stop()

  const second = await openBed(t, { over: first, executor: executor() })
  await until(() => log.length === 2)
  end()
  const run = await second.workflow.settled(id, { timeoutMs: 60_000 })

  const [done] = await second.workflow.tasks(id)
  assert.deepEqual(
    [log, run.state, done?.attempt, done?.outputs],
    [['began known', 'adopted known'], 'succeeded', 1, { by: { value: 'job' } }],
  )
})

test('what runs where nobody can look is left alone for half a minute, and is lost then', async t => {
  const clock = manualClock(1_000)
  const { log, executor } = engine()
  const first = await openBed(t, { clock, deps: { owner: 'first' }, executor: executor() })
  const { id } = await first.workflow.start({
    project: 'rain',
    pipeline: 'test',
    tasks: { a: command('train') },
    cause: { kind: 'manual', reason: 'A test.' },
  })
  await until(() => log.length === 1)
  await first.workflow.stop()
  const endedAt = clock.now()

  const elsewhere = await openBed(t, { clock, over: first, deps: { owner: 'second' }, executor: executor(false) })
  await until(async () => {
    clock.advance(500)
    return log.length === 2
  })

  const [attempt] = (await elsewhere.workflow.task(id, 'a')).attempts
  assert.deepEqual([log[1], attempt?.state, clock.now() - endedAt >= 30_000], ['began known', 'lost', true])
})
