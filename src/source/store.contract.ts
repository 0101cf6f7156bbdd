import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { newId } from '#kernel/id.ts'
import type { RepositoryRecord, RepositoryStore } from './store.ts'

/** What every {@link RepositoryStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function repositoryStoreContract(name: string, open: (t: TestContext) => Promise<RepositoryStore>): void {
  const draft = (project: string): RepositoryRecord => ({
    id: newId<'repository'>('rep'),
    project,
    createdAt: 1_000 as Millis,
  })
  const nothing = async (): Promise<void> => {}
  const at = 2_000 as Millis

  test(`${name}: a project has one repository, whoever asks first`, async t => {
    const store = await open(t)

    const all = await Promise.all(Array.from({ length: 8 }, () => store.findOrAdd(draft('rain'))))

    assert.equal(new Set(all.map(record => record.id)).size, 1)
    assert.deepEqual([await store.find('rain'), await store.find('snow')], [all[0], undefined])
  })

  test(`${name}: repositories are listed in pages`, async t => {
    const store = await open(t)
    for (const project of ['a', 'b', 'c']) await store.findOrAdd(draft(project))

    const first = await store.list(2)
    const second = await store.list(2, first.at(-1)!.id)

    assert.deepEqual([...first, ...second].map(record => record.project).toSorted(), ['a', 'b', 'c'])
  })

  test(`${name}: a head moves once, from where it is, together with what is written beside it`, async t => {
    const store = await open(t)
    const { id } = await store.findOrAdd(draft('rain'))
    let within = 0
    const move = (commit: string, before?: string): Promise<boolean> =>
      store.moveHead({ id, head: { branch: 'main', commit }, before, at }, async () => void within++)

    const moves = [await move('a'), await move('a'), await move('b', 'a'), await move('c', 'a'), await move('c', 'b')]

    assert.deepEqual(
      [moves, within, await store.heads(id)],
      [[true, false, true, false, true], 3, [{ branch: 'main', commit: 'c' }]],
    )
  })

  test(`${name}: of racing movers one wins`, async t => {
    const store = await open(t)
    const { id } = await store.findOrAdd(draft('rain'))

    const all = await Promise.all(
      Array.from({ length: 8 }, () =>
        store.moveHead({ id, head: { branch: 'main', commit: 'a' }, before: undefined, at }, nothing),
      ),
    )

    assert.equal(all.filter(Boolean).length, 1)
  })

  test(`${name}: a head stays when what is written beside it fails`, async t => {
    const store = await open(t)
    const { id } = await store.findOrAdd(draft('rain'))

    await assert.rejects(
      store.moveHead({ id, head: { branch: 'main', commit: 'a' }, before: undefined, at }, async () =>
        Promise.reject(new Error('full')),
      ),
      /full/,
    )

    assert.deepEqual(await store.heads(id), [])
  })
}
