import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { newId } from '#kernel/id.ts'
import { rain } from './example.ts'
import { parseProjectFile } from './parse.ts'
import type { ProjectStore, RevisionDraft } from './store.ts'

/** What every {@link ProjectStore} promises. Call it from the adapter's test with a way to open an empty store. */
export function projectStoreContract(name: string, open: (t: TestContext) => Promise<ProjectStore>): void {
  const draft = (project: string, content: string): RevisionDraft => ({
    id: newId<'revision'>('prv'),
    project,
    spec: parseProjectFile({ ...rain(), name: project }),
    code: digestOf(content),
    fingerprint: digestOf(content),
    actor: 'ada',
    at: 1_000 as Millis,
  })
  const nothing = async (): Promise<void> => {}

  test(`${name}: what was appended is current, and is found`, async t => {
    const store = await open(t)

    const { revision, before, added } = await store.append({ ...draft('rain', 'a'), commit: 'c0ffee' }, nothing)

    assert.deepEqual([revision.number, revision.commit, before, added], [1, 'c0ffee', undefined, true])
    assert.equal(await store.head('rain'), revision.id)
    assert.deepEqual(await store.find(revision.id), revision)
    assert.deepEqual([await store.head('snow'), await store.find(newId('prv'))], [undefined, undefined])
  })

  test(`${name}: the same fingerprint twice is one revision, and back again is a new one`, async t => {
    const store = await open(t)
    let within = 0
    const append = async (content: string): Promise<[number, boolean]> => {
      const { revision, added } = await store.append(draft('rain', content), async () => void within++)
      return [revision.number, added]
    }

    assert.deepEqual(
      [await append('a'), await append('a'), await append('b'), await append('a')],
      [
        [1, true],
        [1, false],
        [2, true],
        [3, true],
      ],
    )
    assert.equal(within, 3)
  })

  test(`${name}: racing writers number densely, and each sees the one before`, async t => {
    const store = await open(t)

    const all = await Promise.all(
      Array.from({ length: 12 }, (_, index) => store.append(draft('rain', String(index)), nothing)),
    )

    const sorted = all.toSorted((a, b) => a.revision.number - b.revision.number)
    assert.deepEqual(
      sorted.map(({ revision, before }) => [revision.number, before?.number ?? 0]),
      Array.from({ length: 12 }, (_, index) => [index + 1, index]),
    )
  })

  test(`${name}: nothing is left when what runs within the transaction fails`, async t => {
    const store = await open(t)

    await assert.rejects(
      store.append(draft('rain', 'a'), async () => Promise.reject(new Error('full'))),
      /full/,
    )

    assert.deepEqual(
      [await store.head('rain'), await store.list({ limit: 10 }), await store.history('rain', { limit: 10 })],
      [undefined, { items: [] }, { items: [] }],
    )
  })

  test(`${name}: a revision keeps the commit that its working tree came from`, async t => {
    const store = await open(t)
    const base = { commit: 'c'.repeat(40), diff: 'd'.repeat(64) as Digest }

    const { revision } = await store.append({ ...draft('rain', 'a'), base }, nothing)

    assert.deepEqual((await store.find(revision.id))?.base, base)
  })

  test(`${name}: lists are pages, newest first`, async t => {
    const store = await open(t)
    for (const project of ['a', 'b', 'c']) await store.append(draft(project, '1'), nothing)
    await new Promise(resolve => setTimeout(resolve, 2))
    await store.append(draft('a', '2'), nothing)

    const first = await store.list({ limit: 1 })
    const rest = await store.list({ limit: 5, after: first.next })
    const history = await store.history('a', { limit: 1 })
    const older = await store.history('a', { limit: 1, after: history.next })

    assert.deepEqual(
      [first.items.map(row => [row.name, row.number]), rest.items.map(row => row.name).toSorted(), rest.next],
      [[['a', 2]], ['b', 'c'], undefined],
    )
    assert.deepEqual([history.items[0]!.number, older.items[0]!.number, older.next], [2, 1, undefined])
  })
}
