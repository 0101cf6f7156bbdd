import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { FeatureVersion, TrainingSet } from './feature-version.ts'
import type { FeatureStore } from './store.ts'

/** What every {@link FeatureStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function featureStoreContract(name: string, open: (t: TestContext) => Promise<FeatureStore>): void {
  const draft = (dataset: string, more: Partial<FeatureVersion> = {}): Omit<FeatureVersion, 'version'> => ({
    id: newId('ftv'),
    project: 'rain',
    view: 'daily',
    digest: digestOf(dataset),
    transform: digestOf('transform'),
    engineer: digestOf('engineer'),
    dataset,
    rows: 3,
    columns: [{ name: 'x', type: 'number' }],
    from: 10 as Millis,
    to: 20 as Millis,
    run: 'run_1',
    createdAt: 1_000 as Millis,
    ...more,
  })
  const append = (store: FeatureStore, dataset: string, more: Partial<FeatureVersion> = {}) =>
    store.transaction(tx => store.append(tx, draft(dataset, more)))

  test(`${name}: versions of a view are numbered densely, even when writers race`, async t => {
    const store = await open(t)

    const all = await Promise.all(Array.from({ length: 8 }, (_, index) => append(store, `dsv_${index}`)))
    const other = await append(store, 'dsv_1', { view: 'monthly' })

    t.assert.deepEqual(
      all.map(each => each.version).toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8],
    )
    t.assert.equal(other.version, 1)
    t.assert.deepEqual(await store.find(all[3]!.id), all[3])
    t.assert.equal((await store.latest('rain', 'daily'))!.version, 8)
    t.assert.equal(await store.find(newId('ftv')), undefined)
  })

  test(`${name}: what was made by a recipe is found, the newest first`, async t => {
    const store = await open(t)
    const first = await append(store, 'dsv_1')
    await append(store, 'dsv_1', { engineer: digestOf('other') })
    const again = await append(store, 'dsv_1')
    const { id: _, from: __, to: ___, run: ____, ...bare } = draft('dsv_2')
    const short = await store.transaction(tx => store.append(tx, { ...bare, id: newId('ftv') }))

    t.assert.deepEqual(await store.findMade(first), again)
    t.assert.deepEqual(await store.findMade(short), short)
    t.assert.equal(await store.findMade({ ...first, transform: digestOf('third') }), undefined)
  })

  test(`${name}: versions are listed newest first, by the page`, async t => {
    const store = await open(t)
    for (const dataset of ['dsv_1', 'dsv_2', 'dsv_3']) await append(store, dataset)

    const first = await store.versions('rain', 'daily', { limit: 2 })
    const second = await store.versions('rain', 'daily', { limit: 2, after: first.next })

    t.assert.deepEqual(
      [first.items.map(each => each.version), second.items.map(each => each.version), second.next],
      [[3, 2], [1], undefined],
    )
  })

  test(`${name}: versions of all views of a project are listed by the page, and none of another project`, async t => {
    const store = await open(t)
    const made = [
      await append(store, 'dsv_1'),
      await append(store, 'dsv_2'),
      await append(store, 'dsv_1', { view: 'monthly' }),
    ]
    await append(store, 'dsv_1', { project: 'snow' })

    const first = await store.ofProject('rain', { limit: 2 })
    const second = await store.ofProject('rain', { limit: 2, after: first.next })

    t.assert.deepEqual(
      [...first.items, ...second.items],
      made.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    t.assert.deepEqual([first.items.length, second.next], [2, undefined])
  })

  test(`${name}: a recipe makes one training set in a project`, async t => {
    const store = await open(t)
    const set = (project: string): TrainingSet => ({
      id: newId('trs'),
      project,
      service: 'rain',
      label: 'tomorrow',
      digest: digestOf('rows'),
      features: ['x'],
      dataset: 'dsv_1',
      featureVersions: ['ftv_1'],
      rows: 2,
      createdAt: 5 as Millis,
    })
    const add = (draft: TrainingSet, recipe: string) => store.transaction(tx => store.addTrainingSet(tx, draft, recipe))
    const request: NonNullable<TrainingSet['requests']>[number] = {
      view: 'trip',
      path: 'trip.sql',
      sql: 'select mm from request',
      columns: { mm: 'number' },
      reads: [{ view: 'daily', field: 'rain', name: 'rain', type: 'number', maxAgeMs: 5 }],
      fields: ['mm'],
    }
    const [one, two, three] = [{ ...set('rain'), requests: [request] }, set('rain'), set('snow')]

    t.assert.deepEqual(await add(one, 'r'), { set: one, added: true })
    t.assert.deepEqual(await add(two, 'r'), { set: one, added: false })
    const other = await add(two, 'other')
    t.assert.deepEqual([other.added, (await add(three, 'r')).added], [true, true])
    t.assert.deepEqual(
      [await store.findTrainingSet(one.id), await store.findTrainingSet(newId('trs'))],
      [one, undefined],
    )
    const first = await store.trainingSets('rain', { limit: 1 })
    const second = await store.trainingSets('rain', { limit: 1, after: first.next })
    t.assert.deepEqual(new Set([...first.items, ...second.items].map(({ id }) => id)), new Set([one.id, other.set.id]))
    t.assert.equal(second.next, undefined)
  })

  test(`${name}: a materialisation is announced once for each task`, async t => {
    const store = await open(t)
    const announce = (key: string) =>
      store.transaction(tx => store.announce(tx, { project: 'rain', view: 'daily' }, key))

    t.assert.deepEqual([await announce('a'), await announce('a'), await announce('b')], [true, false, true])
    t.assert.equal((await append(store, 'dsv_1')).version, 1)
  })
}
