import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { digestOf } from '#kernel/digest.ts'
import { retried, type Db } from '#storage'
import type { ArtifactFile } from './artifact.ts'
import type { ArtifactStore } from './artifact-store.ts'

/** What every {@link ArtifactStore} promises. */
export function artifactStoreContract(
  name: string,
  open: (t: TestContext) => Promise<{ db: Db; store: ArtifactStore }>,
): void {
  const owner = { project: 'rain', experiment: '1' }
  const file = (path: string, text = path, at = 5): ArtifactFile => ({
    path,
    digest: digestOf(text),
    size: text.length,
    updatedAt: at as Millis,
  })
  const fill = async (db: Db, store: ArtifactStore, ...files: readonly ArtifactFile[]): Promise<void> => {
    for (const one of files) await retried(() => db.transaction().execute(tx => store.put(tx, one, owner)))
  }
  const remove = (db: Db, store: ArtifactStore, path: string): Promise<void> =>
    retried(() => db.transaction().execute(tx => store.remove(tx, path, 9)))
  const names = async (store: ArtifactStore, path: string): Promise<readonly string[]> =>
    (await store.list(path, { limit: 100 })).items.map(entry => `${entry.name}:${entry.kind}:${entry.size}`)

  test(`${name}: a file is found at its path and listed with the directories above it`, async t => {
    const { db, store } = await open(t)

    await fill(db, store, file('1/r/artifacts/model/MLmodel', 'abc'), file('1/r/artifacts/notes.txt', ''))

    assert.deepEqual(
      [
        await store.find('1/r/artifacts/model/MLmodel'),
        await store.find('1/r/artifacts/model'),
        await store.find('1/r/artifacts/mod'),
        await names(store, '1/r/artifacts'),
        await names(store, ''),
        await names(store, '1/r/artifacts/notes.txt'),
        await store.owners(),
      ],
      [
        file('1/r/artifacts/model/MLmodel', 'abc'),
        'directory',
        undefined,
        ['model:directory:0', 'notes.txt:file:0'],
        ['1:directory:0'],
        [],
        [owner],
      ],
    )
  })

  test(`${name}: a directory is listed page by page, and names are not patterns`, async t => {
    const { db, store } = await open(t)
    await fill(db, store, ...['a', 'b_1', 'b%', 'bx1', 'c'].map(leaf => file(`1/r/artifacts/d/${leaf}`)))
    await fill(db, store, file('1/r/artifacts/d0'), file('1/r/artifacts/d-1/x'))

    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await store.list('1/r/artifacts/d', { limit: 2, after })
      seen.push(...page.items.map(entry => entry.name))
      after = page.next
    } while (after !== undefined)

    assert.deepEqual(seen.toSorted(), ['a', 'b%', 'b_1', 'bx1', 'c'])
    assert.deepEqual((await names(store, '1/r/artifacts')).toSorted(), [
      'd-1:directory:0',
      'd0:file:16',
      'd:directory:0',
    ])
  })

  test(`${name}: overwriting drops the earlier bytes and counts the file once`, async t => {
    const { db, store } = await open(t)
    await fill(db, store, file('1/r/artifacts/a', 'first'), file('1/r/artifacts/a', 'first', 6))
    const unchanged = await store.dropped(100, 10)

    await fill(db, store, file('1/r/artifacts/a', 'second one', 7))

    assert.deepEqual(
      [unchanged, await store.find('1/r/artifacts/a'), await store.usage(), await store.dropped(100, 10)],
      [
        [],
        file('1/r/artifacts/a', 'second one', 7),
        [{ project: 'rain', files: 1, bytes: 10 }],
        [{ digest: digestOf('first'), at: 7 }],
      ],
    )
  })

  test(`${name}: a path is a file or a directory, not both`, async t => {
    const { db, store } = await open(t)
    await fill(db, store, file('1/r/artifacts/model/MLmodel'))

    await assert.rejects(fill(db, store, file('1/r/artifacts/model')), { code: 'invalid', message: /is a directory/ })
    await assert.rejects(fill(db, store, file('1/r/artifacts/model/MLmodel/x/y')), {
      code: 'invalid',
      message: /beside 1\/r\/artifacts\/model\/MLmodel, which is a file/,
    })

    assert.deepEqual(
      [await store.usage(), await store.find('1/r/artifacts/model/MLmodel/x')],
      [[{ project: 'rain', files: 1, bytes: 27 }], undefined],
    )
  })

  test(`${name}: a directory goes with all below it and nothing beside it`, async t => {
    const { db, store } = await open(t)
    await fill(
      db,
      store,
      file('1/r/artifacts/m/a', 'aa'),
      file('1/r/artifacts/m/deep/er/b', 'bbb'),
      file('1/r/artifacts/m2/c', 'cccc'),
      file('1/r/artifacts/m.txt', 'ddddd'),
    )

    await remove(db, store, '1/r/artifacts/m')
    await remove(db, store, '1/r/artifacts/m')
    await remove(db, store, '1/r/artifacts/m.txt')

    assert.deepEqual(
      [
        await names(store, '1/r/artifacts'),
        (await store.files('1/r')).map(one => one.path),
        await store.usage(),
        (await store.dropped(100, 10)).map(one => one.digest).toSorted(),
      ],
      [
        ['m2:directory:0'],
        ['1/r/artifacts/m2/c'],
        [{ project: 'rain', files: 1, bytes: 4 }],
        [digestOf('aa'), digestOf('bbb'), digestOf('ddddd')].toSorted(),
      ],
    )
  })

  test(`${name}: removing a run or an experiment takes its roots and leaves the others`, async t => {
    const { db, store } = await open(t)
    await fill(
      db,
      store,
      file('1/r/artifacts/a', 'a'),
      file('1/r2/artifacts/a', 'bb'),
      file('1/models/m-1/artifacts/MLmodel', 'ccc'),
      file('1/models/m-2/artifacts/MLmodel', 'dddd'),
    )
    await db
      .transaction()
      .execute(tx => store.put(tx, file('12/r/artifacts/a', 'eeeee'), { project: 'sun', experiment: '12' }))
    const after = []

    for (const path of ['1/r', '1/models/m-1', '1/models', '1']) {
      await remove(db, store, path)
      after.push((await store.usage()).map(({ project, files, bytes }) => `${project} ${files} ${bytes}`).join())
    }

    assert.deepEqual(after, ['rain 3 9,sun 1 5', 'rain 2 6,sun 1 5', 'rain 1 2,sun 1 5', 'sun 1 5'])
    assert.deepEqual(await names(store, ''), ['12:directory:0'])
  })

  test(`${name}: who has removed all files is not counted any more`, async t => {
    const { db, store } = await open(t)
    await fill(db, store, file('1/r/artifacts/a'), file('1/r/artifacts/b'))

    await remove(db, store, '1/r/artifacts/a')
    await remove(db, store, '1/r/artifacts/b')

    assert.deepEqual(
      [await store.owners(), await store.usage(), await names(store, '1/r')],
      [[], [], ['artifacts:directory:0']],
    )
  })

  test(`${name}: files put at once below one root are all there and all counted`, async t => {
    const { db, store } = await open(t)
    const files = Array.from({ length: 40 }, (_, n) => file(`1/r/artifacts/${n % 4}/${n}`, 'x'.repeat(n)))

    await Promise.all(files.map(one => fill(db, store, one)))

    assert.deepEqual(
      [(await store.files('1')).length, await store.usage()],
      [40, [{ project: 'rain', files: 40, bytes: 780 }]],
    )
  })

  test(`${name}: a removal at the time of uploads leaves every file listed that it leaves`, async t => {
    const { db, store } = await open(t)

    await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        await fill(db, store, file(`1/r${n % 3}/artifacts/d/${n}`, 'x'))
        if (n % 4 === 3) await remove(db, store, n % 8 === 3 ? '1' : `1/r${n % 3}/artifacts`)
      }),
    )

    const listed: string[] = []
    const walk = async (path: string): Promise<void> => {
      for (const { name: leaf, kind } of (await store.list(path, { limit: 100 })).items)
        await (kind === 'directory' ? walk(path === '' ? leaf : `${path}/${leaf}`) : listed.push(leaf))
    }
    await walk('')
    const counted = (await store.usage())[0]?.files ?? 0
    const kept = (
      await Promise.all(Array.from({ length: 24 }, (_, n) => store.find(`1/r${n % 3}/artifacts/d/${n}`)))
    ).filter(Boolean).length
    assert.deepEqual([listed.length, counted], [kept, kept])
  })

  test(`${name}: a digest is a candidate until it is forgotten, and again when it is dropped again`, async t => {
    const { db, store } = await open(t)
    const [a, b, c] = ['a', 'b', 'c'].map(text => digestOf(text))
    await fill(db, store, file('1/r/a', 'a'), file('1/r/b', 'b'), file('1/r/c', 'c'))
    for (const path of ['1/r/a', '1/r/b', '1/r/c']) await remove(db, store, path)

    await store.postpone([a!], 10, 20)
    await store.forget([a!, b!, digestOf('unknown')], 10)
    await store.postpone([c!], 9, 30)

    assert.deepEqual(await store.dropped(100, 10), [
      { digest: c, at: 9 },
      { digest: a, at: 20 },
    ])
    assert.deepEqual(
      [await store.dropped(9, 10), await store.secret('k', 'one'), await store.secret('k', 'two')],
      [[], 'one', 'one'],
    )
  })

  test(`${name}: the sweep is one owner's at a time, and that of a silent one is taken over`, async t => {
    const { store } = await open(t)

    const answers = [
      await store.lease('one', 1, 10),
      await store.lease('two', 5, 15),
      await store.lease('one', 6, 16),
      await store.lease('two', 17, 27),
      await store.lease('one', 18, 28),
      await store.lease('two', 19, 0),
      await store.lease('one', 20, 30),
    ]

    assert.deepEqual(answers, [true, false, true, true, false, true, true])
  })
}
