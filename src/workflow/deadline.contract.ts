import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { bed, draft } from './contract-bed.ts'
import type { Outcome } from './outcome.ts'
import type { WorkflowStore } from './store.ts'
import { task } from './testing.ts'

const succeeded: Outcome = { state: 'succeeded', outputs: {}, metrics: {} }

/** Runs that are late, and pipelines whose last success is too old. */
export function deadlineContract(name: string, open: (t: TestContext) => Promise<WorkflowStore>): void {
  test(`${name}: a run that has not ended at its deadline is late once, however it ends; one that has is not`, async t => {
    const { store, take, end } = await bed(open, t, { a: task('x') })
    const late = draft({ b: task('x') })
    const early = draft({ c: task('x') })
    for (const [one, at] of [
      [late, 5_000],
      [early, 4_000],
    ] as const)
      await store.transaction(tx => store.insertRun(tx, { ...one, run: { ...one.run, deadlineAt: at as Millis } }))
    const first = await store.nextDeadlineAt()
    const claims = await take(9)
    await end(
      claims.find(claim => claim.name === 'c')!,
      succeeded,
    )
    const next = await store.nextDeadlineAt()
    const miss = (now: number) => store.transaction(tx => store.missDeadlines(tx, now, 9))

    const found = [await miss(4_999), await miss(5_000), await miss(6_000)]

    assert.deepEqual(
      [first, next, found.map(({ runs }) => runs.map(({ id, lateAt }) => [id, lateAt])), await store.nextDeadlineAt()],
      [4_000, 5_000, [[], [[late.run.id, 5_000]], []], undefined],
    )
    assert.equal((await store.findRun(late.run.id))?.lateAt, 5_000)
  })

  test(`${name}: a run may take so long from its first task on, and is ended once, unless it ends before`, async t => {
    const { store, take, end, at } = await bed(open, t, { a: task('x') })
    const [slow, quick] = [draft({ b: task('x') }), draft({ c: task('x') })]
    for (const one of [slow, quick]) await store.transaction(tx => store.insertRun(tx, { ...one, limitMs: 500 }))
    const limited = (run: string, now: number) => store.transaction(tx => store.setLimited(tx, run, now))
    const before = [await store.nextLimitAt(), await store.overLimit(9_000, 9)]
    at(2_000)
    const claims = await take(9)
    const claimOf = (called: string) => claims.find(claim => claim.name === called)!
    await end(claimOf('c'), succeeded)

    const overAt = async (now: number) => (await store.overLimit(now, 9)).map(({ id, endsBy }) => [id, endsBy])
    const over = [await overAt(2_499), await overAt(2_500)]
    const ended = [
      await limited(quick.run.id, 2_500),
      await limited(slow.run.id, 2_500),
      await limited(slow.run.id, 2_501),
    ]
    await store.transaction(tx => store.cancel(tx, slow.run.id, { at: 2_500 }))
    const last = await end(claimOf('b'), succeeded)

    assert.deepEqual(
      {
        before,
        next: await store.nextLimitAt(),
        over,
        ended,
        states: [last?.run.state, (await store.findRun(quick.run.id))?.state],
      },
      {
        before: [undefined, []],
        next: undefined,
        over: [[], [[slow.run.id, 2_500]]],
        ended: [false, true, false],
        states: ['failed', 'succeeded'],
      },
    )
  })

  test(`${name}: a pipeline is stale once its last success is too old, and fresh again with the next`, async t => {
    const { store, take, end, at } = await bed(open, t, { a: task('x') })
    const declare = (maxAgeMs: number | undefined, now: number) =>
      store.transaction(tx =>
        store.setFreshness(tx, 'rain', maxAgeMs === undefined ? [] : [{ pipeline: 'test', maxAgeMs }], now),
      )
    const miss = async (now: number) =>
      (await store.transaction(tx => store.missDeadlines(tx, now, 9))).pipelines.map(({ since }) => since)
    const state = async () => (await store.freshness('rain')).map(({ since, staleAt }) => [since, staleAt])

    await declare(500, 2_000)
    const declared = [
      await store.nextDeadlineAt(),
      await miss(2_499),
      await miss(2_500),
      await miss(2_600),
      await state(),
    ]
    at(3_000)
    const [claim] = await take(9)
    await end(claim!, succeeded)
    const fresh = [await state(), await store.nextDeadlineAt()]
    await declare(500, 3_100)
    await miss(4_000)
    await declare(2_000, 4_100)
    const longer = [await state(), await store.nextDeadlineAt()]
    await declare(undefined, 4_200)
    const none = [await state(), await store.nextDeadlineAt()]
    await declare(500, 9_000)

    assert.deepEqual(
      [declared, fresh, longer, none, await state()],
      [
        [2_500, [], [2_000], [], [[2_000, 2_500]]],
        [[[3_000, undefined]], 3_500],
        [[[3_000, undefined]], 5_000],
        [[], undefined],
        [[3_000, undefined]],
      ],
    )
  })
}
