import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { AnyTx, Db } from '#storage'
import { openKey, type FeedbackItem, type KeptIncident } from './incident.ts'
import type { IncidentStore, MonitorStore, TruthStore } from './store.ts'

export interface Stores {
  readonly db: Db
  readonly monitors: MonitorStore
  readonly truths: TruthStore
  readonly incidents: IncidentStore
}

const at = (instant: number): Millis => instant as Millis
const monitor = { deployment: 'rain', project: 'weather', model: 'rain', revision: 'rev_1', version: 'mdv_1' }
const incident = (more: Partial<KeptIncident> = {}): KeptIncident => ({
  id: newId<'incident'>('inc'),
  project: 'weather',
  deployment: 'rain',
  kind: 'performance',
  severity: 'page',
  state: 'open',
  title: 'rain: performance is lost',
  evidence: ['one'],
  causes: [],
  violations: [],
  windows: ['win_1'],
  openedAt: at(1),
  revision: 'rev_1',
  version: undefined,
  clean: 0,
  ...more,
})
const item = (subject: string, more: Partial<FeedbackItem> = {}): FeedbackItem & { subject: string } => ({
  id: newId<'feedback_item'>('fbk'),
  project: 'weather',
  receiver: 'scheduler',
  title: 't',
  action: 'retrain',
  state: 'open',
  at: at(1),
  subject,
  ...more,
})

/** What the stores of monitoring promise. Call it from the adapter's test with a way to open empty ones. */
export function monitoringStoreContract(name: string, open: (t: TestContext) => Promise<Stores>): void {
  const inTx = <T>({ db }: Stores, run: (tx: AnyTx) => Promise<T>): Promise<T> =>
    db.transaction().execute(tx => run(tx))

  async function withMonitor(t: TestContext): Promise<Stores> {
    const stores = await open(t)
    await inTx(stores, tx => stores.monitors.createMonitor(tx, monitor, at(1)))
    return stores
  }

  test(`${name}: a monitor is made once`, async t => {
    const stores = await withMonitor(t)

    await inTx(stores, tx => stores.monitors.createMonitor(tx, { ...monitor, revision: 'rev_2' }, at(2)))

    const expected = {
      ...monitor,
      openFrom: undefined,
      watermark: undefined,
      pending: 0,
      predictions: 0,
      seen: 0,
      labelled: 0,
      driftWindow: undefined,
      driftClean: 0,
    }
    assert.deepEqual(await stores.monitors.monitors('weather'), [expected])
  })

  test(`${name}: predictions of an event are counted once, and the watermark never falls`, async t => {
    const stores = await withMonitor(t)
    const count = (event: number, watermark: number): Promise<void> =>
      inTx(stores, tx => stores.monitors.countPredictions(tx, 'rain', { event, count: 10, watermark }))

    for (const [event, watermark] of [
      [5, 900],
      [5, 900],
      [7, 800],
      [6, 2_000],
    ] as const)
      await count(event, watermark)

    const { pending, predictions, watermark } = (await stores.monitors.findMonitor('rain'))!
    assert.deepEqual({ pending, predictions, watermark }, { pending: 20, predictions: 20, watermark: 900 })
  })

  test(`${name}: a window starts once, is judged, and stands between its neighbours`, async t => {
    const stores = await withMonitor(t)
    const { monitors } = stores
    const ids = [10, 20, 30].map(from => ({ id: newId<'window'>('win'), from }))
    const judge = (id: (typeof ids)[number]['id'], judgedBy: string, formerlyBy?: string): Promise<boolean> =>
      inTx(stores, tx =>
        monitors.saveJudgement(
          tx,
          {
            id,
            revision: 'rev_1',
            judgedBy,
            rows: 60,
            scored: 60,
            labelled: id === ids[0]!.id ? 60 : 50,
            truthSeen: 0,
            state: 'ok',
            signals: [],
            performance: { metric: 'brier', maturity: 0, rows: 0 },
            reference: 'r',
            evaluatedAt: at(5),
          },
          formerlyBy,
        ),
      )

    await inTx(stores, async tx => {
      for (const { id, from } of ids)
        await monitors.addWindow(tx, {
          id,
          deployment: 'rain',
          project: 'weather',
          revision: 'rev_1',
          from: at(from),
          to: at(from + 10),
        })
      await monitors.addWindow(tx, {
        id: newId<'window'>('win'),
        deployment: 'rain',
        project: 'weather',
        revision: 'rev_1',
        from: at(10),
        to: at(99),
      })
    })
    const waiting = (await monitors.unjudged('rain', 10)).map(window => window.from)
    const judged = [
      await judge(ids[0]!.id, 'a'),
      await judge(ids[1]!.id, 'a'),
      await judge(ids[1]!.id, 'b'),
      await judge(ids[1]!.id, 'b', 'a'),
    ]
    const place = { deployment: 'rain', revision: 'rev_1', from: 20 }

    assert.deepEqual(
      {
        waiting,
        judged,
        left: (await monitors.unjudged('rain', 10)).map(window => window.from),
        before: (await monitors.beside(place, 'before', 2)).map(window => window.from),
        after: await monitors.beside(place, 'after', 1),
        awaiting: (await monitors.awaitingTruth('rain', 5)).map(window => window.from),
      },
      { waiting: [10, 20, 30], judged: [true, true, false, true], left: [30], before: [10], after: [], awaiting: [20] },
    )
    const first = await monitors.windows('rain', { limit: 1 })
    const second = await monitors.windows('rain', { limit: 1, after: first.next })
    assert.deepEqual(
      [first.items.map(window => window.from), second.items.map(window => window.from), second.next],
      [[20], [10], undefined],
    )
  })

  test(`${name}: the first reference of a revision stays`, async t => {
    const stores = await open(t)
    const reference = { revision: 'rev_1', deployment: 'rain', version: 'mdv_1', digest: undefined, text: 'none' }

    await inTx(stores, tx => stores.monitors.putReference(tx, reference, at(1)))
    await inTx(stores, tx => stores.monitors.putReference(tx, { ...reference, text: 'other' }, at(2)))

    assert.deepEqual(
      [await stores.monitors.findReference('rev_1'), await stores.monitors.findReference('rev_2')],
      [reference, undefined],
    )
  })

  test(`${name}: truth is never overwritten, the newest counts`, async t => {
    const stores = await withMonitor(t)
    const record = (...items: readonly { prediction: string; value: number }[]) =>
      inTx(stores, tx => stores.truths.record(tx, 'rain', items, at(1)))

    const answers = [
      await record({ prediction: 'a', value: 1 }, { prediction: 'b', value: 0 }),
      await record(
        { prediction: 'a', value: 1 },
        { prediction: 'b', value: 1 },
        { prediction: 'c', value: 0 },
        { prediction: 'c', value: 0 },
      ),
      await record({ prediction: 'b', value: 0 }),
    ]

    assert.deepEqual(answers, [
      { recorded: 2, unchanged: 0 },
      { recorded: 2, unchanged: 2 },
      { recorded: 1, unchanged: 0 },
    ])
    assert.deepEqual(
      [...(await stores.truths.truths(['a', 'b', 'c', 'd']))].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      [
        ['a', 1],
        ['b', 0],
        ['c', 0],
      ],
    )
    assert.equal((await stores.monitors.findMonitor('rain'))!.labelled, 3)
    const since = async (from: string, to: string | undefined, limit = 10) => [
      ...(await stores.truths.since('rain', { from, to }, limit)),
    ]
    assert.deepEqual(
      [await since('b', undefined), await since('a', 'b'), await since('a', undefined, 1)],
      [
        [
          ['b', 0],
          ['c', 0],
        ],
        [['a', 1]],
        [['a', 1]],
      ],
    )
    assert.equal((await stores.truths.since('other', { from: '', to: undefined }, 10)).size, 0)
  })

  test(`${name}: one incident of a kind and subject is open at a time`, async t => {
    const stores = await open(t)
    const { incidents } = stores
    const [first, second] = [incident(), incident()]
    const key = openKey('performance', first)

    const opened = await inTx(stores, async tx => [await incidents.open(tx, first), await incidents.open(tx, second)])
    await inTx(stores, tx =>
      incidents.update(tx, { ...first, state: 'resolved', resolution: 'mended', resolvedAt: at(9) }),
    )
    const again = await inTx(stores, tx => incidents.open(tx, second))

    assert.deepEqual([opened, again], [[true, false], true])
    assert.deepEqual(await inTx(stores, tx => incidents.findOpen(tx, key)), second)
    assert.deepEqual(
      (await incidents.list({ project: 'weather' }, { limit: 10 })).items.map(({ id, state }) => [id, state]),
      [
        [second.id, 'open'],
        [first.id, 'resolved'],
      ],
    )
    assert.deepEqual(
      (await incidents.list({ project: 'weather', state: 'open' }, { limit: 10 })).items.map(({ id }) => id),
      [second.id],
    )
    assert.deepEqual(
      [
        await incidents.unresolvedCount('rain', 'weather'),
        (await incidents.unresolved('weather', 'performance'))?.id,
        await incidents.unresolved('weather', 'contract'),
      ],
      [1, second.id, undefined],
    )
  })

  test(`${name}: an item is routed once for each subject, and ends with its run or its subject`, async t => {
    const stores = await open(t)
    const { incidents } = stores
    const [one, two, three] = [
      item('inc_1', { incident: 'inc_1', deployment: 'rain', model: 'rain' }),
      item('inc_2'),
      item('win_1', { receiver: 'experimentation' }),
    ]

    const added = await inTx(stores, async tx => [
      await incidents.addItem(tx, one),
      await incidents.addItem(tx, item('inc_1')),
      await incidents.addItem(tx, two),
      await incidents.addItem(tx, three),
    ])
    const attached = await inTx(stores, async tx => [
      await incidents.attachRun(tx, one.id, 'run_1'),
      await incidents.attachRun(tx, 'fbk_unknown', 'run_1'),
    ])
    const waiting = await incidents.waitingItems('weather', 'scheduler', 10)
    await inTx(stores, async tx => {
      await incidents.endItemsOfRun(tx, 'run_1')
      await incidents.endItemsAbout(tx, 'win_1')
    })

    assert.deepEqual(
      [added.map(({ isNew, item: { id } }) => [isNew, id]), attached, waiting.map(({ id }) => id)],
      [
        [
          [true, one.id],
          [false, one.id],
          [true, two.id],
          [true, three.id],
        ],
        [true, false],
        [two.id],
      ],
    )
    const { subject: _, ...expected } = one
    const { items } = await incidents.items('weather', { limit: 10 })
    assert.deepEqual(items.at(-1), { ...expected, run: 'run_1', state: 'done' })
    assert.deepEqual(
      items.map(({ id, state }) => [id, state]),
      [
        [three.id, 'done'],
        [two.id, 'open'],
        [one.id, 'done'],
      ],
    )
  })
}
