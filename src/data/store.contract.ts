import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import type { Contract } from './contract.ts'
import type { DatasetVersion } from './dataset-version.ts'
import type { DataStore } from './store.ts'

const of = { project: 'rain', source: 'weather' }

/** What every {@link DataStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function dataStoreContract(name: string, open: (t: TestContext) => Promise<DataStore>): void {
  const draft = (text: string, more: Partial<DatasetVersion> = {}): Omit<DatasetVersion, 'version'> => ({
    id: newId('dsv'),
    ...of,
    digest: digestOf(text),
    raw: digestOf(`raw ${text}`),
    origin: 'upload',
    rows: 2,
    bytes: 10,
    columns: [
      {
        name: 'a',
        type: 'number',
        count: 2,
        missing: 0,
        distinct: 1,
        min: -1.5,
        max: -1.5,
        top: [{ value: '-1.5', count: 2 }],
      },
    ],
    verdict: 'unchecked',
    violations: [],
    run: 'run_1',
    createdAt: 1_000 as Millis,
    ...more,
  })
  const append = (store: DataStore, text: string, more: Partial<DatasetVersion> = {}) =>
    store.transaction(tx => store.append(tx, draft(text, more)))

  test(`${name}: what was appended is what is found`, async t => {
    const store = await open(t)
    const { version, added } = await append(store, 'one')
    const { run: _, raw: __, ...bare } = draft('two')
    const { version: second } = await store.transaction(tx => store.append(tx, bare))

    assert.deepEqual([added, version.version, second.version], [true, 1, 2])
    assert.deepEqual(await store.find(version.id), version)
    assert.deepEqual(await store.latest('rain', 'weather'), second)
    assert.equal(await store.find(newId('dsv')), undefined)
  })

  test(`${name}: the digest of the latest version adds nothing, that of an earlier one does`, async t => {
    const store = await open(t)
    const { version } = await append(store, 'one')
    const repeated = await append(store, 'one')
    await append(store, 'two')
    const back = await append(store, 'one')

    assert.deepEqual(repeated, { version, added: false })
    assert.deepEqual([back.added, back.version.version], [true, 3])
  })

  test(`${name}: racing writers never share a number`, async t => {
    const store = await open(t)

    const all = await Promise.all(Array.from({ length: 10 }, (_, index) => append(store, `rows ${index}`)))

    assert.deepEqual(
      all.map(each => each.version.version).toSorted((a, b) => a - b),
      Array.from({ length: 10 }, (_, index) => index + 1),
    )
  })

  test(`${name}: versions are listed newest first, by the page, each source by itself`, async t => {
    const store = await open(t)
    for (const text of ['one', 'two', 'three']) await append(store, text)
    await append(store, 'other', { source: 'sales' })

    const first = await store.versions('rain', 'weather', { limit: 2 })
    const second = await store.versions('rain', 'weather', { limit: 2, after: first.next })

    assert.deepEqual([first.items.map(each => each.version), first.next], [[3, 2], '2'])
    assert.deepEqual([second.items.map(each => each.version), second.next], [[1], undefined])
  })

  test(`${name}: versions of all sources of a project are listed by the page, and none of another project`, async t => {
    const store = await open(t)
    const made = [
      await append(store, 'one'),
      await append(store, 'two'),
      await append(store, 'other', { source: 'sales' }),
    ].map(({ version }) => version)
    await append(store, 'elsewhere', { project: 'snow' })

    const first = await store.ofProject('rain', { limit: 2 })
    const second = await store.ofProject('rain', { limit: 2, after: first.next })

    assert.deepEqual(
      [...first.items, ...second.items],
      made.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    )
    assert.deepEqual([first.items.length, second.next], [2, undefined])
  })

  test(`${name}: a verdict is recorded once for each key, and the newest kept version is known`, async t => {
    const store = await open(t)
    const [{ version: one }, { version: two }, { version: three }] = [
      await append(store, 'one'),
      await append(store, 'two'),
      await append(store, 'three'),
    ]
    const violations = [{ column: 'a', rule: 'constant' as const, found: '-1', allowed: 'not', rows: 2 }]
    const judge = (id: DatasetVersion['id'], verdict: 'kept' | 'broken', key: string) =>
      store.transaction(tx => store.judge(tx, id, { verdict, violations: verdict === 'kept' ? [] : violations, key }))

    const recorded = [
      await judge(one.id, 'kept', 'k1'),
      await judge(two.id, 'broken', 'k2'),
      await judge(two.id, 'broken', 'k2'),
      await judge(two.id, 'broken', 'k3'),
    ]

    assert.deepEqual(recorded, [true, true, false, true])
    assert.deepEqual(await store.find(two.id), { ...two, verdict: 'broken', violations })
    assert.equal((await store.latestKept('rain', 'weather', three.version))?.id, one.id)
    assert.equal(await store.latestKept('rain', 'weather', one.version), undefined)
  })

  test(`${name}: contract, arrival and the watched state are kept beside the versions`, async t => {
    const store = await open(t)
    const contract: Contract = {
      columns: [{ column: 'a', type: 'number', missingMax: 0.05, min: 0, max: 1 }],
      key: ['a'],
      rowsMin: 1,
    }
    const arrival = { digest: digestOf('raw one'), bytes: 7, at: 5 as Millis }

    assert.deepEqual(await store.source('rain', 'weather'), { versions: 0 })
    const news = await store.transaction(async tx => {
      await store.setContract(tx, of, contract)
      await store.setWatched(tx, of, '1:2')
      return [await store.setArrival(tx, of, arrival), await store.setArrival(tx, of, { ...arrival, at: 6 as Millis })]
    })
    await append(store, 'one')

    assert.deepEqual(news, [true, false])
    assert.deepEqual(await store.source('rain', 'weather'), {
      versions: 1,
      contract,
      arrival: { ...arrival, at: 6 },
      watched: '1:2',
    })
    assert.deepEqual(
      [
        await store.isLatestRaw('rain', 'weather', arrival.digest),
        await store.isLatestRaw('rain', 'weather', digestOf('x')),
      ],
      [true, false],
    )
  })
}
