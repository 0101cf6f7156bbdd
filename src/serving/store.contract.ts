import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import type { AnyTx, Db } from '#storage'
import type { NewRevision, RevisionCounts, RevisionRow, SegmentRow, ServingStore } from './store.ts'

/** What every {@link ServingStore} promises. */
export function servingStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: ServingStore }>,
): void {
  const inTx = <T>(db: Db, work: (tx: AnyTx) => Promise<T>): Promise<T> => db.transaction().execute(work)
  const draft = (change: Partial<NewRevision> = {}): NewRevision => ({
    id: newId('rev'),
    key: undefined,
    deployment: 'rain',
    version: 'mdv_1',
    versionNumber: 3,
    bundle: digestOf('bundle'),
    createdAt: 5 as Millis,
    ...change,
  })
  const add = (db: Db, store: ServingStore, change?: Partial<NewRevision>): Promise<RevisionRow> =>
    inTx(db, async tx => {
      await store.nextRoutes(tx)
      await store.putDeployment(tx, { name: 'rain', project: 'rain', model: 'rain', createdAt: 1 })
      return store.addRevision(tx, draft(change))
    })
  const segment = (file: string, from: number, to: number, change: Partial<SegmentRow> = {}): SegmentRow => ({
    deployment: 'rain',
    file,
    rows: 10,
    eventFrom: from,
    eventTo: to,
    idFrom: `prd_${from}`,
    idTo: `prd_${to}`,
    receivedTo: to,
    ...change,
  })

  test(`${name}: racing revisions are numbered without gaps, and each change of routes has a number of its own`, async t => {
    const { db, store } = await open(t)

    const made = await Promise.all(Array.from({ length: 8 }, () => add(db, store)))

    assert.deepEqual(
      made.map(({ number }) => number).toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8],
    )
    assert.equal(await store.routesVersion(), 8)
  })

  test(`${name}: a deployment stays with the project that made it, and may change its model`, async t => {
    const { db, store } = await open(t)
    await add(db, store)

    const same = await inTx(db, tx =>
      store.putDeployment(tx, { name: 'rain', project: 'rain', model: 'snow', createdAt: 9 }),
    )
    const other = await inTx(db, tx =>
      store.putDeployment(tx, { name: 'rain', project: 'other', model: 'hail', createdAt: 9 }),
    )

    const expected = { name: 'rain', project: 'rain', model: 'snow', createdAt: 1 }
    assert.deepEqual(
      [same, other, await store.deployments('rain'), await store.deployments('other')],
      [expected, expected, [expected], []],
    )
  })

  test(`${name}: a revision remembers when it became live, not when its weight changed`, async t => {
    const { db, store } = await open(t)
    const { id, ...rest } = await add(db, store, { key: 'run/release' })

    await inTx(db, tx => store.setShares(tx, [{ id, state: 'live', weight: 100, shadow: 0 }], 10))
    await inTx(db, tx => store.setShares(tx, [{ id, state: 'live', weight: 90, shadow: 0 }], 20))

    const expected = { ...rest, id, state: 'live', weight: 90, liveAt: 10 }
    assert.deepEqual(
      [await store.revision(id), await store.revisionByKey('run/release'), await store.revisions(['rain'])],
      [expected, expected, [expected]],
    )
  })

  test(`${name}: of a long history the newest are listed, and those that traffic needs`, async t => {
    const { db, store } = await open(t)
    const first = await add(db, store)
    const second = await add(db, store)
    await inTx(db, tx => store.setShares(tx, [{ id: first.id, state: 'live', weight: 100, shadow: 0 }], 10))
    await inTx(db, tx =>
      store.setShares(
        tx,
        [
          { id: first.id, state: 'retired', weight: 0, shadow: 0 },
          { id: second.id, state: 'live', weight: 100, shadow: 0 },
        ],
        20,
      ),
    )
    await inTx(db, async tx => {
      for (let i = 0; i < 60; i++) await store.addRevision(tx, draft())
    })

    const numbers = (await store.revisions(['rain'])).map(({ number }) => number)

    assert.deepEqual([numbers.length, numbers[0], numbers.slice(-3)], [52, 62, [13, 2, 1]])
  })

  test(`${name}: changes of traffic are told newest first`, async t => {
    const { db, store } = await open(t)
    await add(db, store)
    for (const reason of ['one', 'two', 'three']) {
      await inTx(db, async tx => {
        await store.nextRoutes(tx)
        await store.addTraffic(tx, 'rain', { at: 7 as Millis, actor: 'ada', reason, weights: { rev_1: 100 } })
      })
    }

    assert.deepEqual(await store.traffic('rain', 2), [
      { at: 7, actor: 'ada', reason: 'three', weights: { rev_1: 100 } },
      { at: 7, actor: 'ada', reason: 'two', weights: { rev_1: 100 } },
    ])
  })

  test(`${name}: segments are ingested once, all or none`, async t => {
    const { db, store } = await open(t)

    assert.equal(await inTx(db, tx => store.ingest(tx, ['a', 'b'], 1)), true)
    assert.equal(await inTx(db, tx => store.ingest(tx, ['c', 'd'], 50)), true)
    assert.equal(await inTx(db, tx => store.ingest(tx, ['b'], 2)), false)
    assert.deepEqual(await store.ingested(['a', 'x']), new Set(['a']))
    await store.forgetIngested(10)
    assert.deepEqual(await store.ingested(['a', 'b', 'c']), new Set(['c']))
  })

  test(`${name}: counts add up, and a success ends a streak of failures`, async t => {
    const { db, store } = await open(t)
    const { id } = await add(db, store)
    const counts = (change: Partial<RevisionCounts>): RevisionCounts => ({
      revision: id,
      requests: 10,
      errors: 2,
      trailingErrors: 2,
      hasSuccess: true,
      latency: new Map([
        [3, 8],
        [4, 2],
      ]),
      recent: [],
      ...change,
    })
    const minute = {
      deployment: 'rain',
      revision: id,
      minute: 60_000,
      requests: 10,
      errors: 2,
      splitRequests: 9,
      splitErrors: 1,
      splitInvalid: 1,
      splitSlow: 3,
      splitLate: 2,
    }

    await inTx(db, tx => store.addCounts(tx, [minute, { ...minute, minute: 120_000 }], [counts({})]))
    await inTx(db, tx =>
      store.addCounts(tx, [minute], [counts({ hasSuccess: false, trailingErrors: 3, latency: new Map([[3, 1]]) })]),
    )
    const streaks = [(await store.revision(id))!.errorStreak]
    await inTx(db, tx => store.addCounts(tx, [], [counts({ trailingErrors: 0 })]))

    const { requests, errors, errorStreak } = (await store.revision(id))!
    assert.deepEqual([requests, errors, ...streaks, errorStreak], [30, 6, 5, 0])
    assert.deepEqual(
      await store.latencies([id]),
      new Map([
        [
          id,
          new Map([
            [3, 17],
            [4, 4],
          ]),
        ],
      ]),
    )
    assert.deepEqual(await store.perMinute('rain', 60_000), [
      { at: 60_000, requests: 20, errors: 4 },
      { at: 120_000, requests: 10, errors: 2 },
    ])
    const guarded = await store.guardMinutes({ canary: id, control: 'rev_none', since: 100_000 })
    assert.deepEqual(
      guarded.map(minute => ({ ...minute })),
      [
        {
          minute: 120_000,
          canaryRequests: 9,
          canaryErrors: 1,
          canaryInvalid: 1,
          canarySlow: 3,
          canaryLate: 2,
          controlRequests: 0,
          controlErrors: 0,
          controlSlow: 0,
          controlLate: 0,
        },
      ],
    )
  })

  test(`${name}: how fast a live revision has been of late is known while it has a canary beside it`, async t => {
    const { db, store } = await open(t)
    const [live, canary] = [(await add(db, store)).id, (await add(db, store)).id]
    const answers = (revision: string, ...recent: RevisionCounts['recent']): RevisionCounts => ({
      revision,
      requests: 0,
      errors: 0,
      trailingErrors: 0,
      hasSuccess: true,
      latency: new Map(),
      recent,
    })
    const setShares = (state: 'canary' | 'retired') =>
      inTx(db, tx =>
        store.setShares(
          tx,
          [
            { id: live, state: 'live', weight: 90, shadow: 0 },
            { id: canary, state, weight: 10, shadow: 0 },
          ],
          1,
        ),
      )
    const early = { hour: 0, bucket: 3, requests: 5 }
    const late = { hour: 3_600_000, bucket: 3, requests: 2 }
    await inTx(db, tx =>
      store.addCounts(
        tx,
        [],
        [answers(live, early, late, { ...late, bucket: 4 }), answers(live, late), answers(canary, late)],
      ),
    )

    const alone = await store.recentLatencies(0)
    await setShares('canary')
    const both = [await store.recentLatencies(0), await store.recentLatencies(1)]
    await store.forgetLatencies(1)
    const left = await store.recentLatencies(0)
    await setShares('retired')

    const lately = new Map([
      [3, 4],
      [4, 2],
    ])
    assert.deepEqual(
      [alone, ...both, left, await store.recentLatencies(0)],
      [
        new Map(),
        new Map([['rain', new Map(lately).set(3, 9)]]),
        new Map([['rain', lately]]),
        new Map([['rain', lately]]),
        new Map(),
      ],
    )
  })

  test(`${name}: what shadows answered adds up for each revision that they are beside`, async t => {
    const { db, store } = await open(t)
    const line = (change: object) => ({
      shadow: 'rev_2',
      against: 'rev_1',
      deployment: 'rain',
      rows: 3,
      agreed: 2,
      errors: 1,
      dropped: 0,
      differenceSum: 0.5,
      differenceMax: 0.25,
      latency: { 4: 3 },
      againstLatency: { 2: 2, 3: 1 },
      scores: { [-5]: 2, 7: 1 },
      againstScores: { 8: 3 },
      ...change,
    })
    await db.transaction().execute(tx => store.addShadows(tx, [line({}), line({ against: 'rev_0', rows: 1 })]))
    await db.transaction().execute(tx => store.addShadows(tx, [line({ dropped: 2, differenceMax: 0.125 })]))

    const [first, second, ...others] = await store.shadows(['rev_2', 'rev_3'])

    assert.deepEqual(first, {
      revision: 'rev_2',
      against: 'rev_1',
      rows: 6,
      agreed: 4,
      errors: 2,
      dropped: 2,
      differenceSum: 1,
      differenceMax: 0.25,
      latency: new Map([[4, 6]]),
      againstLatency: new Map([
        [2, 4],
        [3, 2],
      ]),
      scores: new Map([
        [-5, 4],
        [7, 2],
      ]),
      againstScores: new Map([[8, 6]]),
    })
    assert.deepEqual([second!.against, second!.rows, others, await store.shadows([])], ['rev_0', 1, [], []])
  })

  test(`${name}: segments are found by event time, latest first, page by page, and by id`, async t => {
    const { db, store } = await open(t)
    const all = [segment('a', 10, 20), segment('b', 15, 40), segment('c', 30, 40), segment('d', 50, 60)]
    await inTx(db, async tx => {
      for (const each of all) await store.addSegment(tx, each)
      await store.addSegment(tx, segment('x', 10, 60, { deployment: 'other' }))
    })
    const files = (page: { items: readonly SegmentRow[] }) => page.items.map(({ file }) => file)

    const first = await store.segments({ deployment: 'rain' }, { limit: 2 })
    const second = await store.segments({ deployment: 'rain' }, { limit: 2, after: first.next })

    assert.deepEqual([files(first), files(second), second.next], [['d', 'c'], ['b', 'a'], undefined])
    assert.deepEqual(files(await store.segments({ deployment: 'rain', from: 21, to: 50 }, { limit: 9 })), ['c', 'b'])
    assert.deepEqual(
      (await store.segmentsWithIds('prd_45', 'prd_55')).map(({ file }) => file),
      ['d', 'x'],
    )
    assert.deepEqual(await store.segments({ deployment: 'rain', from: 50 }, { limit: 1 }), { items: [all[3]] })
  })

  test(`${name}: segments are found by arrival, those with the latest ids first, page by page`, async t => {
    const { db, store } = await open(t)
    const late = { idFrom: 'prd_7', idTo: 'prd_8' }
    await inTx(db, async tx => {
      for (const each of [segment('a', 10, 20, late), segment('b', 15, 40), segment('c', 30, 60)])
        await store.addSegment(tx, each)
    })
    const filter = { deployment: 'rain', order: 'arrival' } as const

    const first = await store.segments(filter, { limit: 2 })
    const second = await store.segments(filter, { limit: 2, after: first.next })

    assert.deepEqual(
      [first.items.map(({ file }) => file), second.items.map(({ file }) => file), second.next],
      [['a', 'c'], ['b'], undefined],
    )
  })

  test(`${name}: small segments are handed out oldest first when there are too many, expired ones always`, async t => {
    const { db, store } = await open(t)
    await inTx(db, async tx => {
      for (let i = 1; i <= 4; i++) await store.addSegment(tx, segment(`f${i}`, i * 10, i * 10 + 5))
      await store.addSegment(tx, segment('big', 1, 2, { rows: 1_000 }))
    })

    const { count, oldest } = await store.smallSegments('rain', 100, 3)
    const expired = await store.expiredSegments({ before: 20 }, 9)
    await inTx(db, tx => store.removeSegments(tx, 'rain', ['f1', 'big']))

    assert.deepEqual(
      [count, oldest.map(({ file }) => file), expired.map(({ file }) => file)],
      [4, ['f1', 'f2', 'f3'], ['f1', 'big']],
    )
    assert.deepEqual(await store.smallSegments('rain', 100, 3), { count: 3, oldest: [] })
  })
}
