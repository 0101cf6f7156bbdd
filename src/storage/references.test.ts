import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import { digestOf, type Digest } from '#kernel/digest.ts'
import { canonicalJson } from '#kernel/json.ts'
import { fsBlobs } from './blobs.ts'
import { migrate, type Migration } from './migrate.ts'
import { openDatabase, type Db } from './open.ts'
import { referredTo } from './references.ts'
import { testEngines, type TestEngine } from './testing.ts'

const tables: readonly Migration[] = [
  {
    name: 'test-001',
    statements: [
      `create table notes (id bigint primary key, "body of" text, number bigint)`,
      {
        sqlite: `create table pairs (a text, b bigint, said varchar(500), primary key (a, b)) without rowid`,
        postgres: `create table pairs (a text, b bigint, said varchar(500), primary key (a, b))`,
      },
      { sqlite: `create table packed (bytes blob)`, postgres: `create table packed (bytes bytea)` },
      { sqlite: `create table facts (json json)`, postgres: `create table facts (json jsonb, list text[])` },
      `create table dropped (digest text)`,
      `create table file (digest text, kind text)`,
      `create table numbers (a bigint, b double precision)`,
    ],
  },
]

const live = new AbortController().signal

for (const engine of testEngines()) {
  const open = async (t: TestContext) => {
    const root = await mkdtemp(join(tmpdir(), 'trainyard-references-'))
    t.after(() => rm(root, { recursive: true }))
    const [db, blobs] = [await engine.open(t, tables), fsBlobs(root)]
    const ask = (...digests: readonly Digest[]): Promise<ReadonlySet<Digest>> =>
      referredTo(
        { db, blobs, except: ['dropped'], rows: { pairs: `a <> 'gone'` }, leaves: ['file.digest'] },
        new Set(digests),
        live,
      )
    return { root, db, blobs, ask }
  }

  test(`${engine.name}: a digest is found in any column of any table that is not left out`, async t => {
    const { db, ask } = await open(t)
    const [note, first, said, bytes, json, leaf, kind, dropped, nowhere] = 'abcdefghi'.split('').map(digestOf)
    await sql`insert into notes values (1, ${`see raw_rain_${note}, of yesterday`}, 5), (2, 'short', 6), (3, null, 7)`.execute(
      db,
    )
    await sql`insert into pairs values (${first}, 1, ${`${said}src/index.ts`})`.execute(db)
    await sql`insert into pairs values ('gone', 9, ${nowhere!})`.execute(db)
    await sql`insert into packed values (${Buffer.from(`\0${bytes}\xff`, 'latin1')})`.execute(db)
    await sql`insert into facts (json) values (${JSON.stringify({ deep: [{ digest: json }] })})`.execute(db)
    await sql`insert into file values (${leaf}, ${kind})`.execute(db)
    await sql`insert into dropped values (${dropped})`.execute(db)

    const found = await ask(note!, first!, said!, bytes!, json!, leaf!, kind!, dropped!, nowhere!)

    assert.deepEqual(found, new Set([note, first, said, bytes, json, leaf, kind]))
  })

  test(`${engine.name}: every row of a large table is looked at`, async t => {
    const { db, ask } = await open(t)
    const digests = Array.from({ length: 5_000 }, (_, n) => digestOf(`row ${n}`))
    for (let at = 0; at < digests.length; at += 500) {
      const rows = digests.slice(at, at + 500)
      await sql`insert into pairs values ${sql.join(rows.map((digest, n) => sql`(${`k${at % 1_000}`}, ${at + n}, ${digest})`))}`.execute(
        db,
      )
      await sql`insert into notes values ${sql.join(rows.map((_, n) => sql`(${(at + n) * 7}, ${digestOf(`note ${at + n}`)}, 1)`))}`.execute(
        db,
      )
    }
    const asked = [...digests, ...digests.map((_, n) => digestOf(`note ${n}`)), digestOf('nowhere')]

    assert.equal((await ask(...asked)).size, 10_000)
  })

  test(`${engine.name}: what a live tree names is live, and what it names in turn`, async t => {
    const { db, blobs, ask } = await open(t)
    const file = digestOf('file')
    const tree = async (...named: readonly Digest[]): Promise<Digest> =>
      (await blobs.put(canonicalJson(Object.fromEntries(named.map((digest, n) => [`f${n}`, { digest, size: 1 }])))))
        .digest
    const outer = await tree(await tree(file), digestOf('beside'))
    const dead = await tree(digestOf('dead'))
    const escaped = (
      await blobs.put(
        ` \n{"${digestOf('escaped')
          .split('')
          .map(c => `\\u00${c.charCodeAt(0).toString(16)}`)
          .join('')}":1}`,
      )
    ).digest
    const long = (await blobs.put(JSON.stringify({ pad: ' '.repeat(65_500), digest: digestOf('far') }))).digest
    const prose = (await blobs.put(`no JSON: ${digestOf('prose')}`)).digest
    const artifact = await tree(digestOf('inside an artifact'))
    await sql`insert into notes values (1, ${`${outer} ${escaped} ${long} ${prose}`}, 0)`.execute(db)
    await sql`insert into file values (${artifact}, '')`.execute(db)

    const found = await ask(
      ...['file', 'beside', 'dead', 'escaped', 'far', 'prose', 'inside an artifact'].map(digestOf),
      outer,
      dead,
      artifact,
    )

    assert.deepEqual(
      [...found].toSorted(),
      [...['file', 'beside', 'escaped', 'far'].map(digestOf), outer, artifact].toSorted(),
    )
  })

  test(`${engine.name}: a tree that cannot be read is no answer`, async t => {
    const { root, db, blobs, ask } = await open(t)
    const { digest } = await blobs.put(canonicalJson({ x: digestOf('x') }))
    await sql`insert into notes values (1, ${digest}, 0)`.execute(db)
    await writeFile(join(root, 'sha256', digest.slice(0, 2), digest), '{"x":"nothing"}')

    await assert.rejects(ask(digestOf('x')), { code: 'unavailable', message: /is damaged on disk/ })
  })

  test(`${engine.name}: who is told to stop asks no further`, async t => {
    const { db, blobs } = await open(t)

    await assert.rejects(
      referredTo({ db, blobs, except: [], rows: {}, leaves: [] }, new Set([digestOf('x')]), AbortSignal.abort()),
      { name: 'AbortError' },
    )
  })
}

const fileEngine: TestEngine = {
  name: 'sqlite in a file',
  async open(t, migrations) {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-references-'))
    t.after(() => rm(folder, { recursive: true }))
    const db = openDatabase(`sqlite:${join(folder, 'state.db')}`)
    t.after(() => db.destroy())
    await migrate(db, migrations)
    return db
  },
}

for (const engine of [fileEngine, ...testEngines().filter(({ name }) => name === 'postgres')])
  test(`${engine.name}: a reference that moves from table to table while they are looked at is not missed`, async t => {
    const db = await engine.open(t, tables)
    const blobs = fsBlobs(await mkdtemp(join(tmpdir(), 'trainyard-references-')))
    const digest = digestOf('moving')
    await sql`insert into notes values ${sql.join(Array.from({ length: 3_000 }, (_, n) => sql`(${n}, ${digestOf(String(n))}, 1)`))}`.execute(
      db,
    )
    await sql`insert into pairs values ('home', 1, ${digest})`.execute(db)
    let isAsking = true
    const moving = (async () => {
      for (let n = 0; isAsking; n++) {
        await move(db, digest, n % 2 === 0)
        await setImmediate()
      }
    })()

    const answers = []
    for (let n = 0; n < 10; n++)
      answers.push(
        (await referredTo({ db, blobs, except: [], rows: {}, leaves: ['notes.body of'] }, new Set([digest]), live))
          .size,
      )
    isAsking = false
    await moving

    assert.deepEqual(
      answers,
      Array.from({ length: 10 }, () => 1),
    )
  })

const move = (db: Db, digest: Digest, toFile: boolean): Promise<void> =>
  db.transaction().execute(async tx => {
    await sql`delete from pairs`.execute(tx)
    await sql`delete from file`.execute(tx)
    if (toFile) await sql`insert into file values (${digest}, '')`.execute(tx)
    else await sql`insert into pairs values ('home', 1, ${digest})`.execute(tx)
  })
