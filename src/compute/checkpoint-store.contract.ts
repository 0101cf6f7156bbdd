import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { CheckpointStore } from './checkpoint-store.ts'

const [old, young] = [digestOf('old'), digestOf('young')]

/** What every {@link CheckpointStore} promises. */
export function checkpointStoreContract(name: string, open: (t: TestContext) => Promise<CheckpointStore>): void {
  test(`${name}: the last that was kept counts, unless a later attempt has kept one`, async t => {
    const store = await open(t)
    const put = (attempt: number, tree: typeof old) => store.put({ key: 'run/train', attempt, tree, keptUntil: 9 })

    const before = await store.find('run/train')
    const kept = [await put(1, old), await put(2, old), await put(2, young), await put(1, old)]

    assert.deepEqual(
      [before, kept, await store.find('run/train'), await store.find('run/other')],
      [undefined, [true, true, true, false], young, undefined],
    )
  })

  test(`${name}: what is over is forgotten`, async t => {
    const store = await open(t)
    for (const key of ['a', 'b', 'c']) await store.put({ key, attempt: 1, tree: old, keptUntil: 10 })
    await store.put({ key: 'b', attempt: 1, tree: old, keptUntil: 30 })
    await store.expire('c', 5)
    await store.expire('none', 5)

    const counts = [await store.sweep(5), await store.sweep(10), await store.sweep(11)]

    assert.deepEqual(
      [counts, await store.find('a'), await store.find('b'), await store.find('c')],
      [[0, 1, 1], undefined, old, undefined],
    )
  })
}
