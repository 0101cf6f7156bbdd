import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { newId } from '#kernel/id.ts'
import type { AnyTx, Db } from '#storage'
import type { StoredStudy, StoredTrial, TrialDraft, TuningStore } from './store.ts'
import type { StudyId } from './study.ts'
import { studyOf } from './testing.ts'

type Open = (t: TestContext) => Promise<{ db: Db; store: TuningStore }>

/** A study and short ways to change it. */
async function bed(open: Open, t: TestContext) {
  const { db, store } = await open(t)
  const write = <Result>(work: (tx: AnyTx) => Promise<Result>): Promise<Result> => db.transaction().execute(work)
  const draft = {
    id: newId<'study'>('std'),
    project: 'rain',
    spec: studyOf({ name: 'first' }),
    experiment: 'tuning/first',
    tracking: 'a'.repeat(32),
    run: undefined,
    actor: 'ann',
    createdAt: 1,
  }
  await write(tx => store.insertStudy(tx, draft))
  const trial = (number: number, more: Partial<TrialDraft> = {}): Promise<void> =>
    write(async tx => {
      const { revision } = await store.lock(tx, draft.id)
      await store.insertTrial(tx, draft.id, {
        number,
        params: { x: number },
        note: undefined,
        askKey: undefined,
        askIndex: 0,
        tracking: undefined,
        leaseUntil: 100,
        startedAt: 10 + number,
        revision,
        ...more,
      })
    })
  const end = (number: number, more: object = {}): Promise<StoredTrial | undefined> =>
    write(async tx => {
      const { revision } = await store.lock(tx, draft.id)
      const ended = { number, attempt: undefined, state: 'complete', loss: number, error: undefined, at: 50 } as const
      return store.endTrial(tx, draft.id, { ...ended, revision, ...more })
    })
  const report = (number: number, step: number, loss: number, more: { rung?: number; attempt?: number } = {}) =>
    write(tx =>
      store.report(tx, draft.id, {
        number,
        attempt: undefined,
        leaseUntil: 200,
        step,
        loss,
        rung: undefined,
        ...more,
      }),
    )
  return { store, write, draft, trial, end, report, id: draft.id }
}

/** What every {@link TuningStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function tuningStoreContract(name: string, open: Open): void {
  test(`${name}: a name stands for one study of a project`, async t => {
    const { store, write, draft } = await bed(open, t)
    const other = { ...draft, id: newId<'study'>('std'), actor: 'ben' }

    assert.equal(await write(tx => store.insertStudy(tx, other)), false)
    assert.equal(await write(tx => store.insertStudy(tx, { ...other, project: 'snow' })), true)

    const fresh = {
      ...draft,
      asked: 0,
      counts: { running: 0, complete: 0, pruned: 0, failed: 0 },
      best: undefined,
      sinceBest: 0,
      criterion: undefined,
      revision: 0,
      endedAt: undefined,
    }
    assert.deepEqual(await store.findStudy({ project: 'rain', name: 'first' }), fresh)
    assert.equal(await store.findStudy({ project: 'rain', name: 'second' }), undefined)
  })

  test(`${name}: studies are listed newest first, in pages`, async t => {
    const { store, write, draft } = await bed(open, t)
    for (const name of ['second', 'third'])
      await write(tx => store.insertStudy(tx, { ...draft, id: newId<'study'>('std'), spec: { ...draft.spec, name } }))

    const first = await store.listStudies('rain', { limit: 2 })
    const second = await store.listStudies('rain', { limit: 2, after: first.next })

    const names = ({ items }: { items: readonly StoredStudy[] }): string[] => items.map(({ spec }) => spec.name)
    assert.deepEqual([names(first), names(second), second.next], [['third', 'second'], ['first'], undefined])
  })

  test(`${name}: what became of a study is kept, and those of a run are found until they end`, async t => {
    const { store, write, draft, id } = await bed(open, t)
    const ours = { ...draft, id: newId<'study'>('std'), run: 'run_1', spec: { ...draft.spec, name: 'ours' } }
    await write(tx => store.insertStudy(tx, ours))
    const running = async (): Promise<StudyId[]> => (await store.runningOf('run_1')).map(study => study.id)
    const before = await running()
    const change = {
      asked: 9,
      counts: { running: 1, complete: 5, pruned: 2, failed: 1 },
      best: { number: 3, loss: -0.5 },
      sinceBest: 4,
      criterion: 'patience',
      endedAt: 77,
    } as const

    for (const study of [id, ours.id]) await write(tx => store.update(tx, study, change))

    const found = (await store.findStudy({ project: 'rain', name: 'first' }))!
    assert.deepEqual({ ...found, ...change }, found)
    assert.deepEqual([before, await running()], [[ours.id], []])
  })

  test(`${name}: a lock counts the changes of a study`, async t => {
    const { store, write, id } = await bed(open, t)
    const revisions = await Promise.all([1, 2, 3, 4].map(() => write(async tx => (await store.lock(tx, id)).revision)))

    assert.deepEqual(
      revisions.toSorted((a, b) => a - b),
      [1, 2, 3, 4],
    )
  })

  test(`${name}: the trials of an ask are found by its key, and no key is given twice`, async t => {
    const { store, write, trial, id } = await bed(open, t)
    await trial(0, { askKey: 'a', askIndex: 0 })
    await trial(1, { askKey: 'a', askIndex: 1 })
    await trial(2)
    await trial(3)
    const asked = async (key: string): Promise<number[]> =>
      (await write(tx => store.asked(tx, id, key))).map(({ number }) => number)

    assert.deepEqual([await asked('a'), await asked('b')], [[0, 1], []])
    await assert.rejects(trial(4, { askKey: 'a', askIndex: 1 }))
  })

  test(`${name}: a trial ends once, and only at the attempt that is named`, async t => {
    const { store, trial, end, id } = await bed(open, t)
    await trial(0)

    const answers = [await end(0, { attempt: 2 }), await end(0, { attempt: 1, state: 'pruned', loss: 7 }), await end(0)]

    assert.deepEqual(answers, [undefined, await store.findTrial(id, 0), undefined])
    assert.deepEqual(answers[1], {
      number: 0,
      state: 'pruned',
      params: { x: 0 },
      loss: 7,
      step: undefined,
      attempt: 1,
      leaseUntil: undefined,
      tracking: undefined,
      error: undefined,
      startedAt: 10,
      endedAt: 50,
    })
    assert.equal(await store.findTrial(id, 1), undefined)
  })

  test(`${name}: trials whose lease has run out are given away, without what was reported`, async t => {
    const { store, write, trial, end, report, id } = await bed(open, t)
    await trial(0, { leaseUntil: 30 })
    await trial(1, { leaseUntil: 20 })
    await trial(2, { leaseUntil: 40 })
    await trial(3, { leaseUntil: undefined })
    await trial(4, { leaseUntil: 10 })
    await end(4)
    await report(1, 1, 5)
    await write(tx => store.renew(tx, id, { number: 1, attempt: 1, leaseUntil: 20 }))

    const take = { now: 30, limit: 5, leaseUntil: 90, askKey: 'again', revision: 50 }
    const taken = await write(tx => store.takeExpired(tx, id, take))

    assert.deepEqual(
      taken.map(({ number, attempt, leaseUntil, loss, step }) => ({ number, attempt, leaseUntil, loss, step })),
      [1, 0].map(number => ({ number, attempt: 2, leaseUntil: 90, loss: undefined, step: undefined })),
    )
    assert.deepEqual(await store.reports(id, [1]), [])
    assert.equal(await end(0, { attempt: 1 }), undefined)
    assert.deepEqual(
      (await write(tx => store.asked(tx, id, 'again'))).map(({ number }) => number),
      [0, 1],
    )
  })

  test(`${name}: a value is kept once for each step, and the last step is what a trial is known by`, async t => {
    const { store, trial, end, report, id } = await bed(open, t)
    await trial(0)

    const answers = [
      await report(0, 1, 5),
      await report(0, 3, 2),
      await report(0, 2, 4),
      await report(0, 3, 9),
      await report(0, 4, 6, { attempt: 2 }),
    ]

    assert.deepEqual(answers, [
      { known: undefined, best: 5 },
      { known: undefined, best: 2 },
      { known: undefined, best: 2 },
      { known: 2, best: 2 },
      undefined,
    ])
    const { loss, step, leaseUntil } = (await store.findTrial(id, 0))!
    assert.deepEqual({ loss, step, leaseUntil }, { loss: 2, step: 3, leaseUntil: 200 })
    assert.deepEqual(await store.reports(id, [0, 1]), [
      { trial: 0, step: 1, loss: 5 },
      { trial: 0, step: 2, loss: 4 },
      { trial: 0, step: 3, loss: 2 },
    ])
    await end(0)
    assert.equal(await report(0, 5, 1), undefined)
  })

  test(`${name}: trials are compared at a rung, or at a step with those that are complete`, async t => {
    const { store, write, trial, end, report, id } = await bed(open, t)
    for (const number of [0, 1, 2, 3]) await trial(number)
    for (const number of [0, 1, 2, 3]) await report(number, 1, number * 10, number === 2 ? {} : { rung: 7 })
    await end(0)
    await end(2)
    await end(1, { state: 'pruned' })
    const compared = (wanted: object): Promise<readonly number[]> =>
      write(tx => store.compared(tx, id, { trial: 3, limit: 5, ...wanted } as never))

    assert.deepEqual(
      [
        await compared({ step: 1 }),
        await compared({ rung: 7 }),
        await compared({ rung: 7, limit: 1 }),
        await compared({ step: 2 }),
      ],
      [[20, 0], [10, 0], [10], []],
    )
    assert.deepEqual(
      [await write(tx => store.stepBefore(tx, id, 3, 2)), await write(tx => store.stepBefore(tx, id, 3, 1))],
      [1, undefined],
    )
  })

  test(`${name}: what has changed after a revision comes in the order of the changes`, async t => {
    const { store, write, trial, end, id } = await bed(open, t)
    await trial(0, { note: 4 })
    await trial(1)
    await end(0, { loss: 0.25 })
    const changed = async (after: number, limit = 10): Promise<unknown[]> =>
      (await write(tx => store.changed(tx, id, after, limit))).map(({ number, state, revision }) => [
        number,
        state,
        revision,
      ])

    assert.deepEqual(
      [await changed(0), await changed(2), await changed(0, 1), await changed(3)],
      [
        [
          [1, 'running', 2],
          [0, 'complete', 3],
        ],
        [[0, 'complete', 3]],
        [[1, 'running', 2]],
        [],
      ],
    )
    const [, first] = await write(tx => store.changed(tx, id, 0, 10))
    assert.deepEqual(first, {
      number: 0,
      state: 'complete',
      params: { x: 0 },
      loss: 0.25,
      step: undefined,
      note: 4,
      revision: 3,
    })
  })

  test(`${name}: trials are listed by number in pages, running ones apart`, async t => {
    const { store, trial, end, id } = await bed(open, t)
    for (const number of [0, 1, 2]) await trial(number)
    await end(1)
    const numbers = (trials: readonly { number: number }[]): number[] => trials.map(({ number }) => number)

    const first = await store.listTrials(id, { limit: 2 })
    const second = await store.listTrials(id, { limit: 2, after: first.next })

    assert.deepEqual(
      [numbers(first.items), numbers(second.items), second.next, numbers(await store.listRunning(id))],
      [[0, 1], [2], undefined, [0, 2]],
    )
  })
}
