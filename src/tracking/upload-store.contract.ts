import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { Db } from '#storage'
import type { Upload } from './upload.ts'
import type { UploadStore } from './upload-store.ts'

/** What every {@link UploadStore} promises. */
export function uploadStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: UploadStore }>,
): void {
  const upload = (id: string, expiresAt = 100): Upload => ({
    id,
    path: `1/r/artifacts/${id}`,
    project: 'rain',
    experiment: '1',
    parts: 2,
    state: 'open',
    expiresAt,
  })

  test(`${name}: a part that is sent again replaces the one before, and parts come by number`, async t => {
    const { store } = await open(t)
    await store.insert(upload('u'))
    const part = (number: number, text: string) => ({ number, digest: digestOf(text), size: text.length })

    await store.putPart('u', part(2, 'second'))
    await store.putPart('u', part(1, 'first'))
    await store.putPart('u', part(2, 'other'))

    assert.deepEqual(
      [await store.find('u'), await store.parts('u'), await store.parts('v'), await store.find('v')],
      [upload('u'), [part(1, 'first'), part(2, 'other')], [], undefined],
    )
  })

  test(`${name}: what has expired is listed, the oldest first, until it is removed`, async t => {
    const { db, store } = await open(t)
    for (const [id, expiresAt] of [
      ['a', 30],
      ['b', 10],
      ['c', 20],
      ['d', 90],
    ] as const)
      await store.insert(upload(id, expiresAt))
    await store.putPart('b', { number: 1, digest: digestOf('x'), size: 1 })
    await db.transaction().execute(tx => store.complete(tx, 'a'))

    const expired = await store.expired(50, 2)
    await store.remove('b')
    await store.remove('b')

    assert.deepEqual(
      [expired, await store.expired(50, 9), await store.parts('b'), (await store.find('a'))?.state],
      [['b', 'c'], ['c', 'a'], [], 'complete'],
    )
  })
}
