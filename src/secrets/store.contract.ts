import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { DataKey, SealedSecret, SecretStore } from './store.ts'

const ms = (value: number): Millis => value as Millis

const secret = (change: Partial<SealedSecret> = {}): SealedSecret => ({
  project: 'rain',
  name: 'TOKEN',
  version: 1,
  sealed: 'v1.k1.abc',
  setAt: ms(5),
  setBy: 'ada',
  ...change,
})

const key = (id: string, change: Partial<DataKey> = {}): DataKey => ({
  id,
  project: 'rain',
  wrapped: `v1.m.${id}`,
  createdAt: ms(5),
  ...change,
})

/** What every {@link SecretStore} promises. */
export function secretStoreContract(name: string, open: (t: TestContext) => Promise<SecretStore>): void {
  const putAll = (store: SecretStore, secrets: readonly SealedSecret[]): Promise<boolean[]> =>
    store.transaction(async tx => {
      const kept: boolean[] = []
      for (const one of secrets) kept.push(await store.put(tx, one))
      return kept
    })

  test(`${name}: a secret has one value, the next version of it replaces the last alone`, async t => {
    const store = await open(t)
    const second = secret({ version: 2, sealed: 'v1.k1.def', setBy: 'bob', setAt: ms(9) })

    assert.deepEqual(await putAll(store, [secret(), secret({ sealed: 'other' }), second, second]), [
      true,
      false,
      true,
      false,
    ])
    assert.deepEqual(await store.find('rain', 'TOKEN'), second)
    assert.equal(await store.find('snow', 'TOKEN'), undefined)
  })

  test(`${name}: lists are of one project or of the platform, by name, without what is sealed`, async t => {
    const store = await open(t)
    const { project: _, ...everywhere } = secret({ name: 'A' })
    await putAll(store, [secret({ name: 'C' }), secret({ name: 'B' }), secret({ name: 'D' }), everywhere])

    const first = await store.list('rain', { limit: 2 })
    const second = await store.list('rain', { limit: 2, after: first.next })
    const { sealed, ...shown } = everywhere

    assert.deepEqual(
      [...first.items, ...second.items].map(one => one.name),
      ['B', 'C', 'D'],
    )
    assert.deepEqual((await store.list('', { limit: 2 })).items, [shown])
    assert.equal(sealed, 'v1.k1.abc')
    assert.deepEqual((await store.known('rain', ['B', 'X', 'D'])).toSorted(), ['B', 'D'])
  })

  test(`${name}: the last use is known, and a secret that is removed is gone`, async t => {
    const store = await open(t)
    await putAll(store, [secret()])
    const remove = (): Promise<boolean> => store.transaction(tx => store.remove(tx, 'rain', 'TOKEN'))

    await store.transaction(tx => store.markUsed(tx, { project: 'rain', name: 'TOKEN' }, { at: ms(7), by: 'fit' }))
    assert.deepEqual(await store.find('rain', 'TOKEN'), { ...secret(), usedAt: 7, usedBy: 'fit' })
    assert.deepEqual([await remove(), await remove(), await store.find('rain', 'TOKEN')], [true, false, undefined])
  })

  test(`${name}: a project has one current key, of those who add one at the same time one succeeds`, async t => {
    const store = await open(t)

    const added = await Promise.all([store.addKey(key('k1'), undefined), store.addKey(key('k2'), undefined)])
    assert.deepEqual(added.toSorted(), [false, true])
    const first = (await store.currentKey('rain'))!
    assert.equal(await store.addKey(key('k3', { createdAt: ms(50) }), first.id), true)
    assert.equal(await store.addKey(key('k4'), first.id), false)
    await store.rewrap('k3', 'v1.n.k3')

    assert.deepEqual(await store.currentKey('rain'), key('k3', { createdAt: ms(50), wrapped: 'v1.n.k3' }))
    assert.deepEqual(await store.key(first.id), { ...first, retiredAt: 50 })
    await store.removeRetired(ms(50))
    assert.equal((await store.keys()).length, 2)
    await store.removeRetired(ms(51))
    assert.deepEqual(
      (await store.keys()).map(({ id }) => id),
      ['k3'],
    )
  })

  test(`${name}: what is sealed with a former key is found, and sealed anew unless it was set meanwhile`, async t => {
    const store = await open(t)
    const former = secret({ name: 'A', sealed: 'v1.k1.a' })
    await store.addKey(key('k2'), undefined)
    await putAll(store, [former, secret({ name: 'B', sealed: 'v1.k2.b' })])

    assert.deepEqual(await store.sealedBefore(), [former])
    await store.reseal({ ...former, sealed: 'v1.k1.other' }, 'v1.k2.lost')
    await store.reseal(former, 'v1.k2.a')
    assert.deepEqual(await store.sealedBefore(), [])
    assert.equal((await store.find('rain', 'A'))?.sealed, 'v1.k2.a')
  })
}
