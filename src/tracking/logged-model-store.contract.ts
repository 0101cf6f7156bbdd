import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { parseFilter } from '#search'
import type { Db } from '#storage'
import { loggedModelLanguage } from './logged-model-language.ts'
import type { LoggedModel, LoggedModelPoint } from './logged-model.ts'
import type { LoggedModelSearch, LoggedModelStore } from './logged-model-store.ts'

/** What every {@link LoggedModelStore} promises. */
export function loggedModelStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: LoggedModelStore }>,
): void {
  const insert = (db: Db, store: LoggedModelStore, ...models: readonly LoggedModel[]) =>
    db.transaction().execute(async tx => {
      for (const model of models) await store.insert(tx, model)
    })
  const measure = (db: Db, store: LoggedModelStore, ...points: readonly (LoggedModelPoint & { model: string })[]) =>
    db.transaction().execute(tx => store.putPoints(tx, points))
  const found = async (
    store: LoggedModelStore,
    filter: string,
    more: Partial<LoggedModelSearch> = {},
  ): Promise<string> => {
    const { items } = await store.search({ ...everything, filter: parseFilter(filter, loggedModelLanguage), ...more })
    return items.map(model => model.name).join(' ')
  }

  test(`${name}: a model comes back whole, with every point once`, async t => {
    const { db, store } = await open(t)
    const whole = model(1, { params: [pair('depth', '3')], tags: [pair('a', '1'), pair('b', '')] })
    await insert(db, store, whole)
    const points = [
      point({ key: 'loss', value: 0.5, timestamp: 7, step: 1 }),
      point({ key: 'loss', value: 0, nan: true, timestamp: 8, step: 2 }),
      point({ key: 'acc', value: 0.9, datasetName: 'test', datasetDigest: 'd1' }),
    ]

    await measure(db, store, ...points.map(one => ({ ...one, model: whole.id })))
    await measure(db, store, ...points.map(one => ({ ...one, model: whole.id })))

    assert.deepEqual(await store.find(whole.id), { ...whole, metrics: [points[2], points[0], points[1]] })
    assert.deepEqual(await db.transaction().execute(tx => store.heads(tx, [whole.id, 'm-unknown'])), [
      { id: whole.id, project: 'rain', experimentId: '1' },
    ])
  })

  test(`${name}: a parameter keeps its value, and a call that would change one adds nothing`, async t => {
    const { db, store } = await open(t)
    const { id } = model(1)
    await insert(db, store, model(1))
    await store.putParams(id, [pair('a', '1')])
    await store.putParams(id, [pair('a', '1'), pair('b', '2')])

    await assert.rejects(store.putParams(id, [pair('c', '3'), pair('a', '9')]), {
      code: 'invalid',
      message: /params\.a = "9": 1/,
    })

    assert.deepEqual((await store.find(id))?.params, [pair('a', '1'), pair('b', '2')])
  })

  test(`${name}: tags are replaced and removed, states and instants change`, async t => {
    const { db, store } = await open(t)
    const { id } = model(1)
    await insert(db, store, model(1))

    await store.putTags(id, [pair('a', '1'), pair('b', '2')])
    await store.putTags(id, [pair('a', '3')])
    const removed = [await store.removeTag(id, 'b'), await store.removeTag(id, 'b')]
    await store.setStatus(id, 'LOGGED_MODEL_READY', 50)
    await store.setLifecycle(id, 'deleted', 60)

    assert.deepEqual(
      [removed, await store.find(id), await found(store, '')],
      [
        [true, false],
        { ...model(1), tags: [pair('a', '3')], status: 'LOGGED_MODEL_READY', lifecycle: 'deleted', updatedAt: 60 },
        '',
      ],
    )
  })

  test(`${name}: models are found by attributes, parameters, tags and any point of a metric`, async t => {
    const { db, store } = await open(t)
    await insert(
      db,
      store,
      model(1, { params: [pair('depth', '3')], tags: [pair('team', 'Rain')] }),
      model(2, { params: [pair('depth', '5')], modelType: 'agent', status: 'LOGGED_MODEL_READY' }),
      model(3, { sourceRunId: 'r3' }),
      model(4, { experimentId: '2' }),
    )
    const on = (n: number, value: number, more: object = {}) => ({ ...point({ value, ...more }), model: model(n).id })
    await measure(
      db,
      store,
      on(1, 0.2, { step: 1 }),
      on(1, 0.8, { step: 2, timestamp: 2 }),
      on(2, 0.5, { datasetName: 'test', datasetDigest: 'd1' }),
      on(3, 0.9, { datasetName: 'test', datasetDigest: 'd2' }),
    )
    const data = (digest?: string) => ({ datasets: [{ name: 'test', digest }] })

    assert.deepEqual(
      [
        await found(store, ''),
        await found(store, "name = 'model-2'"),
        await found(store, "model_id IN ('m-1', 'm-3')"),
        await found(store, "model_type = 'agent'"),
        await found(store, "model_type != 'agent'"),
        await found(store, 'model_type IS NULL'),
        await found(store, "attributes.status = 'LOGGED_MODEL_READY'"),
        await found(store, "source_run_id = 'r3' OR creation_time < 2"),
        await found(store, "params.depth = '3'"),
        await found(store, "params.depth != '3'"),
        await found(store, "tags.team ILIKE 'rain'"),
        await found(store, 'metrics.loss < 0.3'),
        await found(store, 'metrics.loss > 0.7'),
        await found(store, 'metrics.loss > 0.1 AND metrics.loss < 0.3'),
        await found(store, 'metrics.loss > 0.1', data()),
        await found(store, 'metrics.loss > 0.1', data('d1')),
        await found(store, '', data('d2')),
        await found(store, 'metrics.other > 0'),
        await found(store, '', { experimentIds: ['2'] }),
        await found(store, '', { experimentIds: [] }),
      ],
      [
        'model-3 model-2 model-1',
        'model-2',
        'model-3 model-1',
        'model-2',
        '',
        'model-3 model-1',
        'model-2',
        'model-3 model-1',
        'model-1',
        'model-2',
        'model-1',
        'model-1',
        'model-3 model-1',
        'model-1',
        'model-3 model-2',
        'model-2',
        'model-3',
        '',
        'model-4',
        '',
      ],
    )
  })

  test(`${name}: models are ordered by the latest point of a metric, those without one last`, async t => {
    const { db, store } = await open(t)
    await insert(db, store, model(1), model(2), model(3), model(4))
    const on = (n: number, value: number, more: object = {}) => ({ ...point({ value, ...more }), model: model(n).id })
    await measure(
      db,
      store,
      on(1, 0.9, { timestamp: 1 }),
      on(1, 0.1, { timestamp: 2 }),
      on(1, 0.4, { timestamp: 3, datasetName: 'test' }),
      on(2, 0.3, { datasetName: 'test' }),
      on(3, 0.2),
    )
    const by = (descending: boolean, dataset?: { name: string }) =>
      found(store, '', { order: [{ metric: 'loss', descending, ...(dataset ? { dataset } : {}) }] })

    assert.deepEqual(
      [await by(false), await by(true), await by(true, { name: 'test' }), await by(false, { name: 'test' })],
      [
        'model-3 model-2 model-1 model-4',
        'model-1 model-2 model-3 model-4',
        'model-1 model-2 model-4 model-3',
        'model-2 model-1 model-4 model-3',
      ],
    )
  })

  test(`${name}: a NaN is unequal to every number, neither less nor more, and ordered last`, async t => {
    const { db, store } = await open(t)
    await insert(db, store, model(1), model(2))
    const on = (n: number, more: object) => ({ ...point(more), model: model(n).id })
    await measure(db, store, on(1, { nan: true }), on(2, { value: 5 }))
    const ordered = (descending: boolean) => found(store, '', { order: [{ metric: 'loss', descending }] })

    assert.deepEqual(
      [
        await found(store, 'metrics.loss < 1'),
        await found(store, 'metrics.loss = 0'),
        await found(store, 'metrics.loss > -1'),
        await found(store, 'metrics.loss != 5'),
        await found(store, 'metrics.loss IS NOT NULL'),
        await ordered(true),
        await ordered(false),
      ],
      ['', '', 'model-2', 'model-1', 'model-2 model-1', 'model-2 model-1', 'model-2 model-1'],
    )
  })

  test(`${name}: pages follow each other while models are added, and a token is good for its own search only`, async t => {
    const { db, store } = await open(t)
    await insert(db, store, ...[1, 2, 3, 4, 5].map(n => model(n, n % 2 === 0 ? { modelType: 'even' } : {})))
    const order = [{ attribute: 'model_type', descending: false }]

    const first = await store.search({ ...everything, order, limit: 2 })
    await insert(db, store, model(6, { modelType: 'even' }))
    const second = await store.search({ ...everything, order, limit: 2, after: first.next })
    const third = await store.search({ ...everything, order, limit: 2, after: second.next })

    assert.deepEqual(
      [first, second, third].map(({ items, next }) => [items.map(one => one.name).join(' '), next !== undefined]),
      [
        ['model-4 model-2', true],
        ['model-5 model-3', true],
        ['model-1', false],
      ],
    )
    await assert.rejects(store.search({ ...everything, limit: 2, after: first.next }), { code: 'invalid' })
    assert.deepEqual(await store.owners(['1', '7']), [{ project: 'rain', experimentId: '1' }])
  })
}

const everything: LoggedModelSearch = { experimentIds: ['1'], datasets: [], order: [], limit: 100 }

const pair = (key: string, value: string) => ({ key, value })

const model = (n: number, more: Partial<LoggedModel> = {}): LoggedModel => ({
  id: `m-${n}`,
  experimentId: '1',
  project: 'rain',
  name: `model-${n}`,
  status: 'LOGGED_MODEL_PENDING',
  lifecycle: 'active',
  artifactUri: `mlflow-artifacts:/1/models/m-${n}/artifacts`,
  createdAt: n,
  updatedAt: n,
  params: [],
  tags: [],
  metrics: [],
  ...more,
})

const point = (more: Partial<LoggedModelPoint>): LoggedModelPoint => ({
  key: 'loss',
  value: 0,
  nan: false,
  timestamp: 1,
  step: 0,
  run: 'r1',
  ...more,
})
