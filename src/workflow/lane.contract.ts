import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { draft } from './contract-bed.ts'
import type { WorkflowStore } from './store.ts'
import type { RunDraft } from './run-draft.ts'
import { task } from './testing.ts'

const lane = { project: 'rain', pipeline: 'test' }
const at = 2_000

/** What every {@link WorkflowStore} promises of runs that may not all be active. */
export function laneContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: the transaction that ends a run lets the first of those in that are held behind it`, async t => {
    const store = await open(t)
    const runs = Array.from({ length: 3 }, (_, index) =>
      draft({ a: task('x'), b: task('x', { after: ['a'] }) }, `${index}`),
    )
    for (const run of runs) await enter(store, run)
    const seen = () => Promise.all(runs.map(({ run }) => store.findRun(run.id)))
    const states = async () => (await seen()).map(run => [run?.state, run?.behind])
    const claimed = async () => {
      const claims = await store.transaction(tx =>
        store.claim(tx, {
          pool: 'platform',
          limit: 10,
          owner: 'me',
          machine: 'here',
          devices: [],
          now: at,
          leaseUntil: at + 10_000,
        }),
      )
      return claims.map(claim => claim.run.id)
    }
    const [first, second, third] = runs.map(({ run }) => run.id)

    const held = await states()
    const atFirst = await claimed()
    await store.transaction(tx => store.cancel(tx, second!, { at, why: 'Not needed.' }))
    const cancelled = await states()
    const [attempt] = await store.runningOf('me')
    await store.transaction(tx => store.cancel(tx, first!, { at }))
    const stopping = await states()
    await store.transaction(tx =>
      store.finish(tx, [
        { task: attempt!.task, attempt: attempt!.id, call: 1, owner: 'me', outcome: { state: 'cancelled' }, at },
      ]),
    )

    assert.deepEqual(
      { held, atFirst, cancelled, stopping, last: await states(), atLast: await claimed() },
      {
        held: [
          ['queued', undefined],
          ['held', first],
          ['held', second],
        ],
        atFirst: [first],
        cancelled: [
          ['running', undefined],
          ['cancelled', undefined],
          ['held', first],
        ],
        stopping: [
          ['running', undefined],
          ['cancelled', undefined],
          ['held', first],
        ],
        last: [
          ['cancelled', undefined],
          ['cancelled', undefined],
          ['queued', undefined],
        ],
        atLast: [third],
      },
    )
    assert.equal((await seen())[1]?.error, 'Not needed.')
  })

  test(`${name}: of many who start and end runs of a pipeline at once one decides at a time`, async t => {
    const store = await open(t)
    const most: number[] = []
    const end = async (): Promise<void> => {
      const [claim] = await store.transaction(tx =>
        store.claim(tx, {
          pool: 'platform',
          limit: 1,
          owner: 'me',
          machine: 'here',
          devices: [],
          now: at,
          leaseUntil: at + 10_000,
        }),
      )
      if (!claim) return
      const outcome = { state: 'succeeded', outputs: {}, metrics: {} } as const
      await store.transaction(tx =>
        store.finish(tx, [{ task: claim.task, attempt: claim.attempt, call: claim.call, owner: 'me', outcome, at }]),
      )
    }
    const watch = async (): Promise<void> => {
      const open = await store.transaction(tx => store.openRuns(tx, lane))
      most.push(open.filter(({ isHeld }) => !isHeld).length)
    }

    const starts = Array.from({ length: 20 }, (_, index) => enter(store, draft({ a: task('x') }, `${index}`), 3))
    await Promise.all([...starts, ...Array.from({ length: 10 }, () => end().then(watch))])
    for (let left = 1; left > 0; left = (await store.transaction(tx => store.openRuns(tx, lane))).length) {
      await Promise.all([end(), end(), end()])
      await watch()
    }

    const { items } = await store.listRuns(lane, { limit: 50 })
    assert.deepEqual(
      [items.length, Math.max(...most), new Set(items.map(({ state }) => state))],
      [20, 3, new Set(['succeeded'])],
    )
  })

  test(`${name}: a run that is opened again takes its place in the line, and a key is known`, async t => {
    const store = await open(t)
    const [first, second] = [draft({ a: task('x') }, 'one'), draft({ a: task('x') }, 'two')]
    await enter(store, first)
    await store.transaction(tx => store.cancel(tx, first.run.id, { at }))
    await enter(store, second)

    const entry = await store.transaction(async tx => {
      const entered = await store.enterLane(tx, { ...lane, activeMax: 1, key: 'one', at })
      await store.resume(tx, first.run.id, { at, place: entered.place })
      return entered
    })
    const openRuns = await store.transaction(tx => store.openRuns(tx, lane))

    assert.deepEqual(
      [entry.isKnown, entry.active, openRuns, (await store.findRun(first.run.id))?.behind],
      [
        true,
        [second.run.id],
        [
          { id: first.run.id, isHeld: true, isCancelled: false },
          { id: second.run.id, isHeld: false, isCancelled: false },
        ],
        second.run.id,
      ],
    )
  })
}

const enter = (store: WorkflowStore, one: RunDraft, activeMax = 1): Promise<boolean> =>
  store.transaction(async tx => {
    const { active, place } = await store.enterLane(tx, { ...lane, activeMax, key: one.key, at })
    return store.insertRun(tx, active.length < activeMax ? one : { ...one, place })
  })
