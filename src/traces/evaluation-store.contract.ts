import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { parseFilter, parseOrder } from '#search'
import type { EvaluationRecord } from './evaluation-dataset.ts'
import type { DatasetQuery, DatasetRow, EvaluationStore } from './evaluation-store.ts'
import { datasetLanguage } from './language.ts'
import type { Labels } from './label.ts'

/** What every {@link EvaluationStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function evaluationStoreContract(name: string, open: (t: TestContext) => Promise<EvaluationStore>): void {
  const row = (id: string, more: Partial<DatasetRow> = {}): DatasetRow => ({
    id,
    project: 'rain',
    name: `set ${id}`,
    digest: '00000000',
    recordCount: 0,
    createdAt: 10 as Millis,
    updatedAt: 10 as Millis,
    ...more,
  })
  const add = (store: EvaluationStore, id: string, more: Partial<DatasetRow> & { tags?: Labels; of?: string[] } = {}) =>
    store.transaction(async tx => {
      const { tags = {}, of = ['1'], ...given } = more
      await store.add(tx, row(id, given))
      await store.tag(tx, id, tags)
      await store.addExperiments(tx, id, of)
    })
  const query = (filter?: string, by: readonly string[] = [], more: Partial<DatasetQuery> = {}): DatasetQuery => ({
    filter: parseFilter(filter, datasetLanguage),
    order: parseOrder(by, datasetLanguage),
    limit: 100,
    ...more,
  })
  const found = async (store: EvaluationStore, ...args: Parameters<typeof query>): Promise<string> =>
    (await store.search(query(...args))).items.map(({ id }) => id).join(' ')
  const record = (id: string, inputDigest: string, more: Partial<EvaluationRecord> = {}) => ({
    id,
    datasetId: 'd-1',
    inputs: { q: inputDigest },
    createdAt: 1 as Millis,
    updatedAt: 1 as Millis,
    inputDigest,
    ...more,
  })

  test(`${name}: a dataset is found as it was put, with tags and experiments, until it is removed`, async t => {
    const store = await open(t)
    const schema = { inputs: { q: 'string' }, outputs: {}, expectations: {}, version: '1.0' } as const
    await add(store, 'd-1', { createdBy: 'me', updatedBy: 'you', tags: { b: '2', a: '1' }, of: ['2', '1', '2'] })
    await store.transaction(async tx => {
      const held = await store.hold(tx, 'd-1')
      await store.put(tx, { ...held!, schema, recordCount: 3, digest: '11111111', updatedAt: 20 as Millis })
      await store.tag(tx, 'd-1', { a: '3' })
      assert.equal(await store.removeExperiments(tx, 'd-1', ['2', '9']), 1)
      assert.equal(await store.hold(tx, 'd-2'), undefined)
    })
    await store.untag('d-1', 'b')
    await store.untag('d-1', 'b')

    assert.deepEqual(await store.find('d-1'), {
      ...row('d-1', { createdBy: 'me', updatedBy: 'you', recordCount: 3, digest: '11111111', updatedAt: 20 as Millis }),
      schema,
      tags: { a: '3' },
      experimentIds: ['1'],
    })
    await store.remove('d-1')
    assert.equal(await store.find('d-1'), undefined)
  })

  test(`${name}: datasets are searched by name, time, user and tag, and ordered`, async t => {
    const store = await open(t)
    await add(store, 'd-1', { name: 'Alpha', createdAt: 1 as Millis, createdBy: 'me', tags: { kind: 'x' } })
    await add(store, 'd-2', {
      name: 'beta',
      createdAt: 2 as Millis,
      updatedAt: 99 as Millis,
      tags: { kind: 'y' },
      of: ['2'],
    })
    await add(store, 'd-3', { name: 'gamma', createdAt: 2 as Millis, of: ['1', '2'] })

    assert.equal(await found(store), 'd-3 d-2 d-1')
    assert.equal(await found(store, "name LIKE 'A%'"), 'd-1')
    assert.equal(await found(store, "name IN ('beta', 'gamma')"), 'd-3 d-2')
    assert.equal(await found(store, "created_by = 'me'"), 'd-1')
    assert.equal(await found(store, 'last_update_time > 10'), 'd-2')
    assert.equal(await found(store, "tags.kind != 'x'"), 'd-2')
    assert.equal(await found(store, 'tags.kind IS NULL'), 'd-3')
    assert.equal(await found(store, undefined, ['name DESC']), 'd-3 d-2 d-1')
    assert.equal(await found(store, undefined, ['created_time ASC']), 'd-1 d-3 d-2')
    assert.equal(await found(store, undefined, [], { experiments: ['2'] }), 'd-3 d-2')
    assert.equal(await found(store, undefined, [], { experiments: [] }), '')
    const first = await store.search(query(undefined, [], { limit: 2 }))
    const second = await store.search(query(undefined, [], { limit: 2, after: first.next }))
    assert.deepEqual([second.items.map(({ id }) => id), second.next], [['d-1'], undefined])
  })

  test(`${name}: a record with the same inputs is one record; records come in the order in which they came first`, async t => {
    const store = await open(t)
    await add(store, 'd-1')
    await add(store, 'd-2')
    const first = record('dr-2', 'x', { expectations: { a: 1 }, tags: { t: 'u' }, outputs: 'out', createdBy: 'me' })
    await store.transaction(async tx => {
      await store.putRecords(tx, [first, record('dr-3', 'y')])
      await store.putRecords(tx, [record('dr-1', 'z', { createdAt: 2 as Millis })])
      await store.putRecords(tx, [{ ...first, outputs: 'new', updatedAt: 7 as Millis }])
      const { inputDigest: _, ...kept } = { ...first, outputs: 'new', updatedAt: 7 as Millis }
      assert.deepEqual(await store.recordsByInput(tx, 'd-1', ['x', 'none']), new Map([['x', kept]]))
      assert.deepEqual(await store.recordsByInput(tx, 'd-2', ['x']), new Map())
    })

    const page = await store.records('d-1', { limit: 2 })
    const rest = await store.records('d-1', { limit: 2, after: page.next })
    assert.deepEqual(
      [...page.items, ...rest.items].map(({ id }) => id),
      ['dr-2', 'dr-3', 'dr-1'],
    )
    assert.equal(rest.next, undefined)
    assert.equal(await store.transaction(tx => store.removeRecords(tx, 'd-1', ['dr-2', 'dr-9'])), 1)
    assert.deepEqual(
      (await store.records('d-1', { limit: 9 })).items.map(({ id }) => id),
      ['dr-3', 'dr-1'],
    )
  })
}
