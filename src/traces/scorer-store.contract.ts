import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import type { ScorerStore, ScorerVersion } from './scorers.ts'

/** What every {@link ScorerStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function scorerStoreContract(name: string, open: (t: TestContext) => Promise<ScorerStore>): void {
  const draft = (id: string, more: Partial<ScorerVersion> = {}): Omit<ScorerVersion, 'version'> => ({
    id,
    experimentId: '1',
    name: 'polite',
    serialized: `{"id":"${id}"}`,
    createdAt: 5 as Millis,
    ...more,
  })

  test(`${name}: versions of a scorer are numbered from 1, under the id of the first, each experiment by itself`, async t => {
    const store = await open(t)
    const first = await store.append(draft('s1'))
    const second = await store.append(draft('s2'))
    const other = await store.append(draft('s3', { name: 'brief' }))
    const elsewhere = await store.append(draft('s4', { experimentId: '2' }))

    assert.deepEqual(first, { ...draft('s1'), version: 1 })
    assert.deepEqual(second, { ...draft('s2'), id: 's1', version: 2 })
    assert.deepEqual(await store.versions('1', 'polite'), [first, second])
    assert.deepEqual(await store.latest(['1']), [other, second])
    assert.deepEqual(await store.latest(['1', '2']), [other, second, elsewhere])
    assert.deepEqual(await store.latest([]), [])
  })

  test(`${name}: racing writers never share a version`, async t => {
    const store = await open(t)

    const made = await Promise.all(Array.from({ length: 10 }, (_, index) => store.append(draft(`s${index}`))))

    assert.deepEqual(
      made.map(({ version }) => version).toSorted((a, b) => a - b),
      Array.from({ length: 10 }, (_, index) => index + 1),
    )
  })

  test(`${name}: a deleted version is gone and its number is not used again; without versions the scorer is gone`, async t => {
    const store = await open(t)
    for (const id of ['s1', 's2', 's3']) await store.append(draft(id))

    assert.equal(await store.remove('1', 'polite', 3), 1)
    assert.equal(await store.remove('1', 'polite', 3), 0)
    assert.equal((await store.append(draft('s4'))).version, 4)
    assert.equal(await store.remove('1', 'polite'), 3)
    assert.equal(await store.remove('1', 'polite'), 0)
    assert.deepEqual(await store.append(draft('s5')), { ...draft('s5'), version: 1 })
  })
}
