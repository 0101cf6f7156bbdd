import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { sql } from 'kysely'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { migrate, openDatabase, type Migration } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { artifactMigrations } from './artifact-tables.ts'
import type { SweepReport } from './artifact-sweep.ts'
import { hour, openSweep } from './sweep-testing.ts'

const migrations: readonly Migration[] = [
  ...artifactMigrations,
  { name: 'other-001', statements: [`create table other (id bigint primary key, said text)`] },
]
const folder = async (t: TestContext): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'trainyard-sweep-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}
const none = { blobs: 0, bytes: 0 }
const report = (given: Partial<SweepReport>): SweepReport => ({
  freed: none,
  trashed: none,
  waiting: none,
  kept: none,
  ...given,
})

for (const engine of testEngines()) {
  const open = async (t: TestContext) => {
    const root = await folder(t)
    return { root, ...openSweep(await engine.open(t, migrations), root) }
  }

  test(`${engine.name}: bytes of a deleted file go to the trash after a day, and for good after another`, async t => {
    const { blobs, artifacts, sweep, advance, put } = await open(t)
    const { digest } = await put('1/r/artifacts/model.bin', 'twelve bytes')
    await put('1/r2/artifacts/x', 'stays')
    await artifacts.remove('1/r')
    const one = { blobs: 1, bytes: 12 }

    const passes = []
    for (const hours of [0, 23, 2, 23, 2, 30]) {
      advance(hours * hour)
      const foreseen = await sweep.preview()
      passes.push(await sweep.run())
      assert.deepEqual(foreseen, passes.at(-1), 'what is foreseen is what happens')
    }

    assert.deepEqual(passes, [
      report({}),
      report({}),
      report({ trashed: one }),
      report({ waiting: one }),
      report({ freed: one }),
      report({}),
    ])
    assert.deepEqual(
      [await blobs.find(digest), (await blobs.bytes(digestOf('stays'))).toString()],
      [undefined, 'stays'],
    )
  })

  test(`${engine.name}: bytes that another file, a table or a live tree names stay for ever`, async t => {
    const { db, blobs, artifacts, store, sweep, advance, put } = await open(t)
    await put('1/r/artifacts/a', 'another file')
    await put('1/r2/artifacts/b', 'another file')
    await put('1/r/artifacts/c', 'a table')
    await put('1/r/artifacts/d', 'a tree')
    await put('1/r/artifacts/e', 'a dead tree')
    const tree = (text: string) =>
      blobs.put(canonicalJson({ f: { digest: digestOf(text), size: 1, executable: false } }))
    await tree('a dead tree')
    await sql`insert into other values (1, ${digestOf('a table')}), (2, ${(await tree('a tree')).digest})`.execute(db)
    await artifacts.remove('1/r')

    const passes = []
    for (let n = 0; n < 3; n++) {
      advance(25 * hour)
      passes.push(await sweep.run())
    }
    const kept = { blobs: 3, bytes: 25 }
    assert.deepEqual(passes, [
      report({ trashed: { blobs: 1, bytes: 11 }, kept }),
      report({ freed: { blobs: 1, bytes: 11 }, kept: passes[1]!.kept }),
      report({ kept: passes[2]!.kept }),
    ])
    for (const text of ['another file', 'a table', 'a tree'])
      assert.equal((await blobs.bytes(digestOf(text))).toString(), text)

    // When the last that names them is gone, they are freed too: none was forgotten.
    await sql`delete from other`.execute(db)
    await artifacts.remove('1/r2')
    for (let n = 0; n < 4; n++) {
      advance(25 * hour)
      await sweep.run()
    }
    const left = []
    for (const text of ['another file', 'a table', 'a tree']) left.push(await blobs.find(digestOf(text)))
    assert.deepEqual([left, await store.dropped(Number.MAX_SAFE_INTEGER, 10)], [[undefined, undefined, undefined], []])
  })

  test(`${engine.name}: who refers to bytes in the trash gets them back, without reading them too`, async t => {
    const { db, blobs, artifacts, sweep, advance, put } = await open(t)
    await put('1/r/artifacts/a', 'late')
    await artifacts.remove('1/r')
    advance(25 * hour)
    await sweep.run()
    await sql`insert into other values (1, ${digestOf('late')})`.execute(db)
    advance(25 * hour)

    assert.deepEqual(await sweep.run(), report({ kept: { blobs: 1, bytes: 4 } }))
    assert.equal((await blobs.bytes(digestOf('late'))).toString(), 'late')
  })

  test(`${engine.name}: bytes that are uploaded again while a pass is at work are there afterwards`, async t => {
    const { root, blobs, artifacts, sweep, advance, put } = await open(t)
    const texts = Array.from({ length: 20 }, (_, n) => `text ${n}`)
    for (let round = 0; round < 6; round++) {
      for (const text of texts) await put(`1/r/artifacts/${text}`, text)
      await artifacts.remove('1/r')
      advance(25 * hour)
      if (round % 2 === 1) {
        await sweep.run()
        advance(25 * hour)
      }
      const [passed] = await Promise.all([
        sweep.run(),
        ...texts.map(async (text, n) => {
          await new Promise(resolve => setTimeout(resolve, n))
          await put(`1/r/artifacts/${text}`, text)
        }),
      ])
      for (const text of texts)
        assert.equal((await blobs.bytes(digestOf(text))).toString(), text, JSON.stringify(passed))
    }
    assert.deepEqual(await readdir(join(root, 'incoming')), [])
  })

  test(`${engine.name}: what a client was told to be here is kept until it says what for`, async t => {
    const { blobs, artifacts, sweep, advance, put } = await open(t)
    await put('1/r/artifacts/a', 'asked for')
    await artifacts.remove('1/r')
    advance(25 * hour)
    await blobs.keep(digestOf('asked for'))

    assert.deepEqual(await sweep.run(), report({ kept: { blobs: 1, bytes: 9 } }))
    advance(25 * hour)
    assert.deepEqual(await sweep.run(), report({ trashed: { blobs: 1, bytes: 9 } }))
  })

  test(`${engine.name}: one process at a time, and one database for a folder`, async t => {
    const { db, root, sweep, store, clock } = await open(t)
    await store.lease('another process', clock.now(), clock.now() + hour)
    await assert.rejects(sweep.run(), { code: 'conflict', message: /being freed already/ })
    await store.lease('another process', clock.now(), 0)
    assert.deepEqual(await sweep.run(), report({}))
    assert.deepEqual(await openSweep(db, root, 'next').sweep.run(), report({}))

    const stranger = openSweep(await engine.open(t, migrations), root)
    await assert.rejects(stranger.sweep.run(), { code: 'conflict', message: /Another database/ })
    await assert.rejects(sweep.run(), { code: 'conflict', message: /Another database/ })
  })

  test(`${engine.name}: whatever happens in whatever order, nothing that is referred to is ever gone`, async t => {
    let id = 0
    const text = fc.integer({ min: 0, max: 5 }).map(n => `text ${n}`)
    const step = fc.oneof(
      fc.record({ do: fc.constant('put' as const), text, at: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant('remove' as const), at: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ do: fc.constant('name' as const), text }),
      fc.record({ do: fc.constant('tree' as const), texts: fc.array(text, { maxLength: 3 }), deep: fc.boolean() }),
      fc.record({ do: fc.constant('unname' as const), at: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ do: fc.constant('sweep' as const), hours: fc.constantFrom(0, 25, 25, 60) }),
    )
    const { db, blobs, artifacts, sweep, advance, put } = await open(t)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async steps => {
        const files = new Map<number, string>()
        const named = new Map<number, { texts: readonly string[]; trees: readonly Digest[] }>()
        const say = async (digest: Digest, what: { texts: readonly string[]; trees: readonly Digest[] }) => {
          await sql`insert into other values (${++id}, ${`x:${digest}`})`.execute(db)
          named.set(id, what)
        }
        const isHere = async (digest: Digest) => (await blobs.keep(digest)) !== undefined
        await sql`delete from other`.execute(db)
        await artifacts.remove('1')
        for (const one of steps) {
          if (one.do === 'put') {
            await put(`1/r/artifacts/${one.at}`, one.text)
            files.set(one.at, one.text)
          } else if (one.do === 'remove') {
            await artifacts.remove(`1/r/artifacts/${one.at}`)
            files.delete(one.at)
          } else if (one.do === 'name') {
            // As clients do: ask whether bytes are here, and refer to those that are.
            if (await isHere(digestOf(one.text))) await say(digestOf(one.text), { texts: [one.text], trees: [] })
          } else if (one.do === 'tree') {
            const isThere = await Promise.all(one.texts.map(inner => isHere(digestOf(inner))))
            const here = one.texts.filter((_, index) => isThere[index])
            let { digest } = await blobs.put(JSON.stringify(here.map(digestOf)))
            const trees = [digest]
            if (one.deep) trees.push(({ digest } = await blobs.put(JSON.stringify({ inner: digest }))).digest)
            await say(digest, { texts: here, trees })
          } else if (one.do === 'unname') {
            const gone = [...named.keys()][one.at]
            if (gone === undefined) continue
            await sql`delete from other where id = ${gone}`.execute(db)
            named.delete(gone)
          } else {
            advance(one.hours * hour)
            await sweep.run()
          }
          for (const live of [...files.values(), ...[...named.values()].flatMap(({ texts }) => texts)])
            assert.equal((await inPlaceOrTrash(blobs, digestOf(live)))?.toString(), live, JSON.stringify(one))
          for (const { trees } of named.values()) for (const tree of trees) assert.ok(await blobs.find(tree))
        }
      }),
      { numRuns: 25 },
    )
  })
}

const inPlaceOrTrash = (blobs: { bytes(digest: Digest): Promise<Buffer> }, digest: Digest) =>
  blobs.bytes(digest).catch(() => undefined)

for (const [point, hours] of [
  ['blobs.trashed', 25],
  ['blobs.trashed:2', 25],
  ['blobs.freed', 50],
  ['blobs.freed:2', 50],
] as const)
  test(`a process that is killed at ${point} leaves nothing that the next pass does not finish`, async t => {
    const [root, data] = [await folder(t), await folder(t)]
    const url = `sqlite:${join(data, 'state.db')}`
    const db = openDatabase(url)
    t.after(() => db.destroy())
    await migrate(db, migrations)
    const { blobs, artifacts, store, sweep, advance, put } = openSweep(db, root)
    for (const name of ['a', 'b', 'c', 'shared']) await put(`1/r/artifacts/${name}`, name)
    await put('1/r2/artifacts/shared', 'shared')
    await artifacts.remove('1/r')
    if (point.startsWith('blobs.freed')) {
      advance(25 * hour)
      await sweep.run()
    }

    const killed = spawnSync(
      process.execPath,
      [fileURLToPath(new URL('sweep-child.ts', import.meta.url)), url, root, String(hours + 1)],
      { env: { ...process.env, TRAINYARD_CRASHPOINT: point }, encoding: 'utf8' }, // oxlint-disable-line node/no-process-env -- the child is this process once more
    )
    assert.equal(killed.signal, 'SIGKILL', killed.stderr)
    assert.equal((await blobs.bytes(digestOf('shared'))).toString(), 'shared')
    for (let n = 0; n < 4; n++) {
      advance(26 * hour)
      await sweep.run()
    }

    const left = []
    for (const name of ['a', 'b', 'c', 'shared']) left.push((await blobs.find(digestOf(name)))?.size)
    assert.deepEqual([left, await readdir(join(root, 'trash'))], [[undefined, undefined, undefined, 6], []])
    assert.deepEqual(
      (await store.dropped(Number.MAX_SAFE_INTEGER, 10)).map(({ digest }) => digest),
      [digestOf('shared')],
    )
  })
