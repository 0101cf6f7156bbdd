import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { FeatureRow, OnlineStore } from './online-store.ts'

const daily = { project: 'rain', view: 'daily' }
const row = (key: string, eventTime: number, values: FeatureRow['values'] = { x: eventTime }): FeatureRow => ({
  key,
  eventTime: eventTime as Millis,
  values,
})
const ms = (time: number): Millis => time as Millis

/** What every {@link OnlineStore} promises, with a clock that stands at 1,000. Call it from the adapter's test. */
export function onlineStoreContract(name: string, open: (t: TestContext) => Promise<OnlineStore>): void {
  const read = async (store: OnlineStore, keys: readonly string[], at?: number, maxAgeMs?: number) =>
    (await store.read({ ...daily, keys, at: at === undefined ? undefined : ms(at), maxAgeMs })).map(each => [
      each.key,
      each.status,
      each.eventTime,
      each.values,
    ])

  test(`${name}: a key is answered with its newest row at or before the instant`, async t => {
    const store = await open(t)
    await store.write(daily, 'ftv_1', [row('a', 10), row('a', 20), row('a', 30), row('b', 15)])
    await store.write({ ...daily, view: 'other' }, 'ftv_1', [row('a', 25)])
    await store.write({ ...daily, project: 'snow' }, 'ftv_1', [row('a', 25)])

    t.assert.deepEqual(await read(store, ['a', 'b'], 29), [
      ['a', 'present', 20, { x: 20 }],
      ['b', 'present', 15, { x: 15 }],
    ])
    t.assert.deepEqual(await read(store, ['a'], 30), [['a', 'present', 30, { x: 30 }]])
    t.assert.deepEqual(await read(store, ['a'], 9), [['a', 'not_found', undefined, {}]])
    t.assert.deepEqual(await read(store, ['a']), [['a', 'present', 30, { x: 30 }]], 'as of the clock')
  })

  test(`${name}: a row that is older than it may be is expired, one exactly as old is not`, async t => {
    const store = await open(t)
    await store.write(daily, 'ftv_1', [row('a', 10)])

    t.assert.deepEqual(await read(store, ['a'], 110, 100), [['a', 'present', 10, { x: 10 }]])
    t.assert.deepEqual(await read(store, ['a'], 111, 100), [['a', 'expired', 10, {}]])
    t.assert.deepEqual(await store.read({ ...daily, keys: ['a'], at: ms(111), maxAgeMs: 100, withExpired: true }), [
      { key: 'a', status: 'expired', eventTime: 10, values: { x: 10 } },
    ])
  })

  test(`${name}: a thousand keys are answered in their order, unknown and repeated ones too`, async t => {
    const store = await open(t)
    const keys = Array.from({ length: 1_000 }, (_, index) => `key ${(index * 7) % 500}`)
    await store.write(
      daily,
      'ftv_1',
      Array.from({ length: 2_400 }, (_, index) => row(`key ${index % 400}`, index)),
    )

    const answers = await read(store, keys, 5_000)

    t.assert.deepEqual(
      answers,
      keys.map(key => {
        const index = Number(key.slice(4))
        return index < 400 ? [key, 'present', 2_000 + index, { x: 2_000 + index }] : [key, 'not_found', undefined, {}]
      }),
    )
    t.assert.deepEqual(await store.read({ ...daily, keys: [] }), [])
  })

  test(`${name}: values come back as they were, and a later write replaces them`, async t => {
    const store = await open(t)
    const values = { tenth: 0.1, tiny: 5e-324, large: 2 ** 53 - 1, text: 'é "\n\' %', yes: true, none: null }
    await store.write(daily, 'ftv_1', [row("o'key", 10, { old: 1 })])
    await store.write(daily, 'ftv_2', [row("o'key", 10, values)])

    t.assert.deepEqual(await read(store, ["o'key"], 10), [["o'key", 'present', 10, values]])
  })

  test(`${name}: pruning leaves what reads from then on can ask for`, async t => {
    const store = await open(t)
    const all = ['a', 'b', 'c'].flatMap(key => [10, 20, 30].map(time => row(key, time)))
    await store.write(daily, 'ftv_1', [...all, row('old', 5)])

    await store.prune(daily, ms(25))

    t.assert.deepEqual(await read(store, ['a', 'old'], 25), [
      ['a', 'present', 20, { x: 20 }],
      ['old', 'present', 5, { x: 5 }],
    ])
    t.assert.deepEqual(await read(store, ['a'], 19), [['a', 'not_found', undefined, {}]])
  })

  test(`${name}: the rows of other versions can be removed, across many keys`, async t => {
    const store = await open(t)
    const keys = Array.from({ length: 1_100 }, (_, index) => `k${index}`)
    await store.write(
      daily,
      'ftv_1',
      keys.flatMap(key => [row(key, 10), row(key, 20)]),
    )
    await store.write(
      daily,
      'ftv_2',
      keys.map(key => row(key, 10, { x: 'new' })),
    )

    await store.removeOthers(daily, 'ftv_2')

    t.assert.deepEqual(await read(store, ['k0', 'k1099'], 100), [
      ['k0', 'present', 10, { x: 'new' }],
      ['k1099', 'present', 10, { x: 'new' }],
    ])
  })

  test(`${name}: only who began last may say that a view is whole`, async t => {
    const store = await open(t)
    const state = { version: 'ftv_1', number: 1, to: ms(20), retentionMs: 90 }

    t.assert.equal(await store.state(daily), undefined)
    await store.begin(daily, 'first')
    await store.write(daily, 'ftv_1', [row('a', 10), row('a', 20)])
    await store.begin(daily, 'second')
    const finished = [await store.finish(daily, 'first', state), await store.finish(daily, 'second', state)]
    const whole = await store.state(daily)
    await store.begin(daily, 'third')

    t.assert.deepEqual(finished, [false, true])
    t.assert.deepEqual(whole, { ...state, rows: 2, isPending: false })
    t.assert.deepEqual(await store.state(daily), { ...state, rows: 2, isPending: true })
  })
}
