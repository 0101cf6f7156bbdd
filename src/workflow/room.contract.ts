import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { draft } from './contract-bed.ts'
import type { RunTask } from './run.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import type { Claim } from './claim.ts'
import { task } from './testing.ts'

const succeeded = { state: 'succeeded', outputs: {}, metrics: {} } as const
const gpu = (slots: number, more: Partial<RunTask> = {}): RunTask =>
  task('x', { demand: `{"rain/gpu":${slots}}`, ...more })

/** What every {@link WorkflowStore} promises of room, rank and patience. */
export function roomContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: what is taken is what attempts with a lease take; a wait and an end give it back`, async t => {
    const { store, take, end } = await bed(open, t, { a: gpu(2), b: gpu(2), c: gpu(1), d: task('x') })
    await slots(store, 3)

    const first = await take()
    const full = await store.room()
    await end(first[0]!, { state: 'waiting', waitingFor: 'rain', nextAt: null })
    const second = await take()
    await slots(store, 0)
    const none = [await take(), (await store.room()).slots]

    assert.deepEqual(
      [names(first), full, names(second), none],
      [['a', 'd'], { slots: { 'rain/gpu': 3 }, taken: { 'rain/gpu': 2 } }, ['b', 'c'], [[], { 'rain/gpu': 0 }]],
    )
  })

  test(`${name}: of tasks those in the queue say whose seats and what they wait for, and from when on`, async t => {
    const { store, run, take, end } = await bed(open, t, { a: gpu(2), b: task('x'), c: task('x', { after: ['a'] }) })
    const [a = '', b = '', c = ''] = (await store.listTasks(run.id)).map(({ id }) => id)
    const first = await take()
    await end(first[0]!, { state: 'retry', error: 'no', nextAt: 9_000 })

    assert.deepEqual(
      [names(first), await store.queued([a, b, c, 'tsk_none']), await store.queued([])],
      [
        ['b'],
        new Map([
          [a, { pool: 'platform', demand: { 'rain/gpu': 2 }, nextAt: 1_000 }],
          [b, { pool: 'platform', demand: undefined, nextAt: 9_000 }],
        ]),
        new Map(),
      ],
    )
  })

  test(`${name}: of a machine each takes what the machine has where it runs`, async t => {
    const cpu = task('x', { demand: '{"@/cpu":2000}' })
    const { store, take } = await bed(open, t, { a: cpu, b: cpu, c: cpu })
    await store.transaction(async tx => {
      await store.setSlots(tx, '@here', { cpu: 2_000 })
      await store.setSlots(tx, '@there', { cpu: 3_000 })
    })

    const taken = [names(await take('me', 'here')), names(await take('me', 'here')), names(await take('you', 'there'))]

    assert.deepEqual(
      [taken, (await store.room()).taken],
      [[['a'], [], ['b']], { '@here/cpu': 2_000, '@there/cpu': 2_000 }],
    )
  })

  test(`${name}: GPUs of a machine are each one attempt's alone, until it ends or waits`, async t => {
    const one = task('x', { demand: '{"@/gpu":1}' })
    const { store, take, end } = await bed(open, t, {
      a: one,
      b: task('x', { demand: '{"@/gpu":2}' }),
      c: one,
      d: task('x'),
    })
    await store.transaction(tx => store.setSlots(tx, '@here', { gpu: 3 }))
    const devices = ['0', '1', 'GPU-2']
    const given = (claims: readonly Claim[]) => Object.fromEntries(claims.map(claim => [claim.name, claim.devices]))

    const first = await take('me', 'here', 10, devices)
    await end(
      first.find(claim => claim.name === 'a')!,
      { state: 'waiting', waitingFor: 'rain', nextAt: 1_000 },
    )
    const second = await take('you', 'here', 1, devices)
    await end(
      first.find(claim => claim.name === 'b')!,
      succeeded,
    )
    const third = await take('you', 'here', 10, devices)

    assert.deepEqual(
      [given(first), given(second), given(third)],
      [{ a: ['0'], b: ['1', 'GPU-2'], d: [] }, { a: ['0'] }, { c: ['1'] }],
    )
  })

  test(`${name}: never is more taken than there is, however many claim at once`, async t => {
    const tasks = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`t${index}`, gpu(1 + (index % 3))]))
    const { store, take, end } = await bed(open, t, tasks)
    await slots(store, 4)
    let most = 0
    const called: string[] = []
    const work = async (owner: string): Promise<void> => {
      const claims = await take(owner)
      most = Math.max(most, (await store.room()).taken['rain/gpu'] ?? 0)
      for (const claim of claims) {
        called.push(claim.name)
        await end(claim, succeeded, owner)
      }
    }

    while (called.length < 30) await Promise.all(['one', 'two', 'three', 'four'].map(work))

    assert.deepEqual(
      [most <= 4, new Set(called).size, await store.room()],
      [true, 30, { slots: { 'rain/gpu': 4 }, taken: {} }],
    )
  })

  test(`${name}: a level of priority is worth a minute of waiting`, async t => {
    const { store, take, at } = await bed(open, t, {
      plain: task('x'),
      urgent: task('x', { priority: 2 }),
      low: task('x', { priority: -1 }),
      pooled: task('x', { priority: 1, demand: '{"/licence":1}' }),
    })
    await store.transaction(tx => store.setSlots(tx, '', { licence: 1 }))
    const order: string[] = []
    for (let count = 0; count < 4; count++) order.push(...names(await take('me', 'here', 1)))
    const late = draft({ later: task('x', { priority: 2 }) })
    at(1_000 + 5 * 60_000)
    await store.transaction(tx =>
      store.insertRun(tx, { ...late, run: { ...late.run, createdAt: (1_000 + 4 * 60_000) as Millis } }),
    )
    const old = draft({ older: task('x') })
    await store.transaction(tx => store.insertRun(tx, old))

    assert.deepEqual([order, names(await take('me', 'here', 1))], [['urgent', 'pooled', 'plain', 'low'], ['older']])
  })

  test(`${name}: what has waited for longer than it may is taken out of the queue, room or not`, async t => {
    const { store, at } = await bed(open, t, { a: gpu(9, { queueTimeout: '10m' }), b: gpu(9) })
    const overdue = (now: number) =>
      store.transaction(tx =>
        store.claimOverdue(tx, { limit: 10, owner: 'me', machine: 'here', devices: [], now, leaseUntil: now + 10_000 }),
      )
    at(1_000)

    const found = [await store.hasOverdue(600_999), names(await overdue(600_999)), await store.hasOverdue(601_000)]

    assert.deepEqual([found, names(await overdue(601_000))], [[false, [], true], ['a']])
  })
}

const names = (claims: readonly Claim[]): readonly string[] => claims.map(({ name }) => name).toSorted()
const slots = (store: WorkflowStore, count: number) =>
  store.transaction(tx => store.setSlots(tx, 'rain', { gpu: count }))

async function bed(
  open: (t: TestContext) => Promise<WorkflowStore>,
  t: TestContext,
  tasks: Readonly<Record<string, RunTask>>,
) {
  const store = await open(t)
  let now = 1_000
  const one = draft(tasks)
  await store.transaction(tx => store.insertRun(tx, one))
  const take = (
    owner = 'me',
    machine = 'here',
    limit = 10,
    devices: readonly string[] = [],
  ): Promise<readonly Claim[]> =>
    store.transaction(tx =>
      store.claim(tx, { pool: 'platform', limit, owner, machine, devices, now, leaseUntil: now + 10_000 }),
    )
  const end = (claim: Claim, outcome: Outcome, owner = 'me') =>
    store.transaction(tx =>
      store.finish(tx, [{ task: claim.task, attempt: claim.attempt, call: claim.call, owner, outcome, at: now }]),
    )
  return { store, run: one.run, take, end, at: (instant: number) => void (now = instant) }
}
