import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import type { AnyTx, Db } from '#storage'
import type { AliasMove, Transition } from './model-version.ts'
import type { EvaluationRecord, ModelStore, Search } from './store.ts'
import { evaluationThat, modelDraft, registeredDraft, versionDraft } from './testing.ts'

/** What every {@link ModelStore} promises. */
export function modelStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: ModelStore }>,
): void {
  const inTx = <T>(db: Db, work: (tx: AnyTx) => Promise<T>): Promise<T> => db.transaction().execute(work)
  const transition = (change: Partial<Transition>): Transition => ({
    id: newId('prm'),
    from: 'staging',
    to: 'production',
    actor: 'ada',
    reason: 'good',
    at: 2_000 as Millis,
    ...change,
  })

  test(`${name}: versions count from one, for each model of each project`, async t => {
    const { db, store } = await open(t)

    for (const model of ['rain', 'snow', 'rain']) await inTx(db, tx => store.append(tx, versionDraft({ model })))
    const other = await inTx(db, tx => store.append(tx, versionDraft({ project: 'other' })))

    const { items } = await store.list('rain', 'rain', { limit: 10 })
    assert.deepEqual([items.map(({ version }) => version), other.version], [[2, 1], 1])
  })

  test(`${name}: a version of another registry is put at its number, and later ones are counted behind it`, async t => {
    const { db, store } = await open(t)
    const { id } = await inTx(db, async tx => (await store.createModel(tx, modelDraft()))!)
    const { project, name: model } = modelDraft()

    for (const version of [7, 2]) {
      const put = versionDraft({ project, model, createdAt: 5 as Millis })
      await inTx(db, async tx => {
        await store.put(tx, { model: id, version }, put)
        await store.setUpdated(tx, put.id, 6 as Millis)
      })
      const { createdAt, updatedAt, version: number } = (await store.find(put.id))!
      assert.deepEqual([number, createdAt, updatedAt], [version, 5, 6])
    }

    const next = await inTx(db, tx => store.append(tx, versionDraft({ project, model })))
    assert.equal(next.version, 8)
    await assert.rejects(inTx(db, tx => store.put(tx, { model: id, version: 7 }, versionDraft({ project, model }))))
  })

  test(`${name}: racing writers never share a number`, async t => {
    const { db, store } = await open(t)

    const made = await Promise.all(Array.from({ length: 12 }, () => inTx(db, tx => store.append(tx, versionDraft()))))

    assert.deepEqual(
      made.map(({ version }) => version).sort((a, b) => a - b),
      Array.from({ length: 12 }, (_, i) => i + 1),
    )
  })

  test(`${name}: what was appended is what is found, by id and by key`, async t => {
    const { db, store } = await open(t)
    const draft = versionDraft({
      trainingSet: 'trs_1',
      code: digestOf('code'),
      commit: 'abc',
      environment: 'package-lock.json 1',
    })
    const { key, ...fields } = draft

    await inTx(db, tx => store.append(tx, draft))

    const expected = {
      ...fields,
      fullName: 'rain.rain',
      version: 1,
      aliases: [],
      transitions: [],
      updatedAt: draft.createdAt,
    }
    assert.deepEqual(
      [await store.find(draft.id), await store.byKey(key), await store.find('mdv_none')],
      [expected, expected, undefined],
    )
  })

  test(`${name}: moves are kept in order, and two versions are never in production at once`, async t => {
    const { db, store } = await open(t)
    const [one, two] = [versionDraft(), versionDraft()]
    for (const draft of [one, two]) await inTx(db, tx => store.append(tx, draft))
    const moves = [transition({}), transition({ from: 'production', to: 'archived' })]

    await inTx(db, tx => store.move(tx, one.id, moves[0]!))
    await assert.rejects(inTx(db, tx => store.move(tx, two.id, transition({}))))
    assert.equal((await store.production('rain', 'rain'))?.id, one.id)
    await inTx(db, tx => store.move(tx, one.id, moves[1]!))

    assert.deepEqual((await store.find(one.id))?.transitions, moves)
    assert.deepEqual(
      [await store.production('rain', 'rain'), (await store.find(two.id))?.stage],
      [undefined, 'staging'],
    )
  })

  test(`${name}: a list goes on after its cursor, newest first`, async t => {
    const { db, store } = await open(t)
    for (let i = 0; i < 5; i++) await inTx(db, tx => store.append(tx, versionDraft()))

    const first = await store.list('rain', 'rain', { limit: 2 })
    const second = await store.list('rain', 'rain', { limit: 2, after: first.next })
    const third = await store.list('rain', 'rain', { limit: 2, after: second.next })

    assert.deepEqual(
      [first, second, third].map(page => [page.items.map(({ version }) => version), page.next]),
      [
        [[5, 4], '4'],
        [[3, 2], '2'],
        [[1], undefined],
      ],
    )
  })

  test(`${name}: models come with champion and newest version`, async t => {
    const { db, store } = await open(t)
    const drafts = [versionDraft(), versionDraft(), versionDraft({ model: 'snow' })]
    for (const draft of drafts) await inTx(db, tx => store.append(tx, draft))
    await inTx(db, tx => store.move(tx, drafts[0]!.id, transition({})))

    const { items: models } = await store.models('rain', { limit: 9 })

    assert.deepEqual(
      models.map(({ name: model, versions, champion, latest }) => [
        model,
        versions,
        champion?.version,
        latest?.version,
      ]),
      [
        ['rain', 2, 1, 2],
        ['snow', 1, undefined, 1],
      ],
    )
  })

  test(`${name}: an evaluation made twice under one key is the first one`, async t => {
    const { db, store } = await open(t)
    const { signature } = versionDraft()
    const record = (bytes: string): EvaluationRecord => ({
      id: newId('evl'),
      key: 'run/evaluate',
      project: 'rain',
      model: 'rain',
      modelDigest: digestOf('model'),
      digest: digestOf(bytes),
      signature,
      evaluation: evaluationThat(true),
      trainingSet: 'trs_1',
      createdAt: 5 as Millis,
    })
    const first = record('a')

    assert.deepEqual(await inTx(db, tx => store.putEvaluation(tx, first)), first)
    assert.deepEqual(await inTx(db, tx => store.putEvaluation(tx, record('b'))), first)
    assert.deepEqual(await store.findEvaluation('rain', first.digest), first)
    assert.deepEqual(
      [await store.findEvaluation('other', first.digest), await store.findEvaluation('rain', digestOf('b'))],
      [undefined, undefined],
    )
  })

  test(`${name}: a model is made once, found by both its names, and its deleted name is free`, async t => {
    const { db, store } = await open(t)
    const draft = modelDraft({ description: 'd', tags: { a: 'b' } })
    const { createdAt, ...same } = draft
    const expected = { ...same, gated: false, versions: 0, aliases: {}, createdAt, updatedAt: createdAt }

    assert.deepEqual(await inTx(db, tx => store.createModel(tx, draft)), expected)
    assert.equal(await inTx(db, tx => store.createModel(tx, modelDraft())), undefined)
    assert.equal(await inTx(db, tx => store.createModel(tx, modelDraft({ project: 'x', fullName: 'iris' }))), undefined)
    assert.deepEqual(await store.findModel('default', 'iris'), expected)
    assert.deepEqual(await store.findByFullName('iris'), expected)
    assert.deepEqual(await inTx(db, tx => store.lock(tx, 'default', 'iris')), expected)

    await inTx(db, tx => store.changeModel(tx, draft.id, { deletedAt: 9 as Millis, updatedAt: 9 as Millis }))
    const again = modelDraft()
    await inTx(db, tx => store.createModel(tx, again))
    assert.deepEqual(
      [(await store.findModel('default', 'iris'))?.id, await store.findByFullName('rose')],
      [again.id, undefined],
    )
  })

  test(`${name}: a model is renamed with its versions, unless the name is taken`, async t => {
    const { db, store } = await open(t)
    const [iris, rose] = [modelDraft(), modelDraft({ name: 'rose' })]
    for (const draft of [iris, rose]) await inTx(db, tx => store.createModel(tx, draft))
    const version = await inTx(db, tx => store.append(tx, registeredDraft()))
    const rename = (fullName: string) =>
      inTx(db, tx => store.changeModel(tx, iris.id, { name: fullName, fullName, updatedAt: 7 as Millis }))

    assert.deepEqual([await rename('rose'), await rename('lily')], [false, true])
    const found = await store.find(version.id)
    assert.deepEqual(
      [found?.model, found?.fullName, await store.findModel('default', 'iris')],
      ['lily', 'lily', undefined],
    )
  })

  test(`${name}: a full name is of one model, also when a version makes the model`, async t => {
    const { db, store } = await open(t)
    await inTx(db, tx => store.createModel(tx, modelDraft({ name: 'rain.rain' })))

    await assert.rejects(
      inTx(db, tx => store.append(tx, versionDraft())),
      { code: 'already_exists' },
    )
  })

  test(`${name}: a model whose version was evaluated is behind the gate from then on`, async t => {
    const { db, store } = await open(t)
    const gated = async () => (await store.findModel('rain', 'rain'))?.gated
    await inTx(db, tx => store.append(tx, registeredDraft({ project: 'rain', model: 'rain' })))
    const before = await gated()
    await inTx(db, tx => store.append(tx, versionDraft()))
    const after = await gated()
    await inTx(db, tx => store.append(tx, registeredDraft({ project: 'rain', model: 'rain' })))

    assert.deepEqual([before, after, await gated()], [false, true, true])
  })

  test(`${name}: versions without an evaluation share a stage, and the champion is an evaluated one`, async t => {
    const { db, store } = await open(t)
    const model = { project: 'rain', model: 'rain' }
    for (let i = 0; i < 2; i++) {
      const { id } = await inTx(db, tx => store.append(tx, registeredDraft(model)))
      await inTx(db, tx => store.move(tx, id, transition({ from: 'candidate' })))
    }
    assert.equal(await store.production('rain', 'rain'), undefined)
    assert.equal((await store.models('rain', { limit: 9 })).items[0]?.champion?.version, 2)
    const best = versionDraft()
    await inTx(db, tx => store.append(tx, best))
    await inTx(db, tx => store.move(tx, best.id, transition({ digest: best.digest })))
    assert.equal((await store.production('rain', 'rain'))?.id, best.id)
    const { id } = (await store.findModel('rain', 'rain'))!
    const [stage, newest] = [await inTx(db, tx => store.inStage(tx, id, 'production')), await store.latest([id])]
    assert.deepEqual(
      [stage.map(({ version }) => version), newest.map(({ version, modelId }) => [version, modelId])],
      [[1, 2, 3], [[3, id]]],
    )
  })

  test(`${name}: tags are set, set again and taken off, of models and of versions`, async t => {
    const { db, store } = await open(t)
    const model = modelDraft({ tags: { a: '1' } })
    await inTx(db, tx => store.createModel(tx, model))
    const { id } = await inTx(db, tx => store.append(tx, registeredDraft({ tags: { a: '1' } })))

    for (const [key, value] of [
      ['a', '2'],
      ['ü', ''],
    ] as const) {
      await inTx(db, tx => store.setModelTag(tx, model.id, key, value))
      await inTx(db, tx => store.setVersionTag(tx, id, key, value))
    }
    const removed = [
      await inTx(db, tx => store.removeModelTag(tx, model.id, 'a')),
      await inTx(db, tx => store.removeModelTag(tx, model.id, 'a')),
      await inTx(db, tx => store.removeVersionTag(tx, id, 'a')),
      await inTx(db, tx => store.removeVersionTag(tx, id, 'a')),
    ]

    assert.deepEqual(removed, [true, false, true, false])
    assert.deepEqual(
      [(await store.findModel('default', 'iris'))?.tags, (await store.find(id))?.tags],
      [{ ü: '' }, { ü: '' }],
    )
  })

  test(`${name}: an alias is of one version, moves are on record, and a removed version loses it`, async t => {
    const { db, store } = await open(t)
    const model = modelDraft()
    await inTx(db, tx => store.createModel(tx, model))
    const [one, two] = [
      await inTx(db, tx => store.append(tx, registeredDraft())),
      await inTx(db, tx => store.append(tx, registeredDraft())),
    ]
    const move = (change: Partial<AliasMove>): AliasMove => ({
      id: newId('alm'),
      alias: 'best',
      actor: 'ada',
      reason: 'r',
      at: 5 as Millis,
      ...change,
    })
    const moves = [move({ to: 1, digest: digestOf('x') }), move({ from: 1, to: 2 }), move({ alias: 'other', to: 2 })]

    await inTx(db, tx => store.moveAlias(tx, model.id, one.id, moves[0]!))
    await inTx(db, tx => store.moveAlias(tx, model.id, two.id, moves[1]!))
    await inTx(db, tx => store.moveAlias(tx, model.id, two.id, moves[2]!))

    assert.deepEqual((await store.byAlias(model.id, 'best'))?.aliases, ['best', 'other'])
    assert.deepEqual((await store.findModel('default', 'iris'))?.aliases, { best: 2, other: 2 })
    const first = await store.aliasMoves(model.id, { limit: 2 })
    const rest = await store.aliasMoves(model.id, { limit: 2, after: first.next })
    assert.deepEqual([...first.items, ...rest.items], moves.toReversed())

    await inTx(db, tx => store.remove(tx, two.id, 9 as Millis))
    assert.deepEqual(
      [await store.byAlias(model.id, 'best'), (await store.findModel('default', 'iris'))?.aliases],
      [undefined, {}],
    )
  })

  test(`${name}: a removed version is found by its id alone, and the next one has a number of its own`, async t => {
    const { db, store } = await open(t)
    const { id } = await inTx(db, tx => store.append(tx, registeredDraft()))
    const model = (await store.findModel('default', 'iris'))!

    await inTx(db, tx => store.remove(tx, id, 9 as Millis))
    const next = await inTx(db, tx => store.append(tx, registeredDraft()))

    assert.deepEqual(
      [
        (await store.find(id))?.deletedAt,
        await store.byNumber(model.id, 1),
        (await store.list('default', 'iris', { limit: 9 })).items.map(({ version }) => version),
        (await store.latest([model.id])).map(({ version }) => version),
        next.version,
      ],
      [9, undefined, [2], [2], 2],
    )
  })

  test(`${name}: searches page in any order without gap or repeat while rows are added`, async t => {
    const { db, store } = await open(t)
    for (let i = 0; i < 7; i++) {
      const [model, createdAt] = [`m${i % 3}`, (1_000 + (i % 2)) as Millis]
      await inTx(db, tx => store.append(tx, registeredDraft({ model, createdAt })))
    }
    const search = async (order: Search['order'], limit: number): Promise<string[]> => {
      const found: string[] = []
      for (let after: string | undefined; ;) {
        const rows = await store.searchVersions({ readable: 'all', filter: undefined, order, limit, after })
        found.push(...rows.map(({ row }) => `${row.model}/${row.version}`))
        if (rows.length < limit) return found
        after = rows.at(-1)!.token
        if (found.length === limit) await inTx(db, tx => store.append(tx, registeredDraft({ model: 'a' })))
      }
    }
    const by = (key: string, descending: boolean) => ({ entity: 'attribute', key, descending })

    assert.deepEqual(await search([by('version_number', true), by('name', false)], 2), [
      'm0/3',
      'm0/2',
      'm1/2',
      'm2/2',
      'a/1',
      'm0/1',
      'm1/1',
      'm2/1',
    ])
    assert.deepEqual((await search([by('creation_timestamp', true)], 100)).slice(0, 3), ['m0/2', 'm1/1', 'm2/2'])
  })

  test(`${name}: a search sees the models of the given projects and those named`, async t => {
    const { db, store } = await open(t)
    for (const [project, model] of [
      ['default', 'a'],
      ['one', 'b'],
      ['two', 'c'],
    ] as const)
      await inTx(db, tx => store.append(tx, registeredDraft({ project, model })))
    const order = [{ entity: 'attribute', key: 'name', descending: false }]
    const names = async (readable: Search['readable']) => {
      const search = { readable, filter: undefined, order, limit: 9 }
      const [models, versions] = [await store.searchModels(search), await store.searchVersions(search)]
      assert.deepEqual(
        models.map(({ row }) => row.fullName),
        versions.map(({ row }) => row.fullName),
      )
      return models.map(({ row }) => row.fullName)
    }

    assert.deepEqual(
      [
        await names('all'),
        await names({ projects: ['one'], fullNames: ['two.c'] }),
        await names({ projects: [], fullNames: [] }),
      ],
      [['a', 'one.b', 'two.c'], ['one.b', 'two.c'], []],
    )
  })
}
