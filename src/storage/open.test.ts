import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CompiledQuery, sql } from 'kysely'
import { TrainyardError } from '#kernel/error.ts'
import { openDatabase } from './open.ts'
import { prepared } from './prepared.ts'
import { testEngines } from './testing.ts'

for (const engine of testEngines()) {
  test(`${engine.name}: a value that cannot be stored is the sender's mistake, in and out of transactions`, async t => {
    const db = await engine.open(t, [])
    const isFault = async (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => false,
        error => !(error instanceof TrainyardError && error.code === 'invalid'),
      )

    const text = sql`select cast(${'a\0b'} as text) as value`
    const number = sql`select cast(${2 ** 40} as integer) as value`
    const faults = [
      await isFault(text.execute(db)),
      await isFault(number.execute(db)),
      await isFault(db.transaction().execute(tx => text.execute(tx))),
    ]

    assert.deepEqual(faults, [false, false, false])
    assert.equal(await isFault(sql`select no_such_column`.execute(db)), true)
  })
}

for (const engine of testEngines())
  test(`${engine.name}: whole numbers are read to the last digit, and as numbers where they are such`, async t => {
    const db = await engine.open(t, [])
    const number = (value: number | bigint) => sql`cast(${value} as bigint)`
    const { rows } = await sql`select ${number(5)} as small, ${number(2n ** 53n + 1n)} as large, 0.5 as half`.execute(
      db,
    )

    assert.deepEqual(rows, [{ small: 5, large: 2n ** 53n + 1n, half: 0.5 }])
    const [again] = (await sql<{ small: number }>`select ${number(5)} as small`.execute(db)).rows
    assert.equal(again!.small, 5)
  })

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('postgres plans a prepared statement once for each connection, and others every time', async t => {
    const db = await engine.open(t, [])
    const statements = [prepared('select cast($1 as bigint) + 1 as n'), 'select cast($1 as bigint) + 2 as n']

    const seen = await db.connection().execute(async connection => {
      const answers = []
      for (const text of [...statements, ...statements])
        answers.push((await connection.executeQuery(CompiledQuery.raw(text, [40]))).rows)
      const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
        connection,
      )
      return { answers, kept: rows.map(({ statement }) => statement) }
    })

    assert.deepEqual(seen, {
      answers: [[{ n: 41 }], [{ n: 42 }], [{ n: 41 }], [{ n: 42 }]],
      kept: [statements[0]],
    })
  })

test('where there is no room the change is refused as a whole, and what fits goes on', async t => {
  const db = openDatabase('sqlite::memory:')
  t.after(() => db.destroy())
  await sql`create table line (text text)`.execute(db)
  await sql`pragma max_page_count = 20`.execute(db)
  const write = (count: number): Promise<void> =>
    db.transaction().execute(async tx => {
      for (let line = 0; line < count; line++)
        await sql`insert into line (text) values (${'x'.repeat(3_000)})`.execute(tx)
    })
  await write(3)

  const error = await write(100).catch((thrown: unknown) => thrown)
  await write(2)

  const { rows } = await sql<{ lines: number }>`select count(*) as lines from line`.execute(db)
  const { code, message } = error as TrainyardError
  assert.deepEqual([code, message, rows[0]?.lines], ['unavailable', 'The disk that the database is on is full.', 5])
})

test('a database of SQLite whose write-ahead log was taken away is not opened as if nothing were missing', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-open-'))
  t.after(() => rm(folder, { recursive: true }))
  const running = openDatabase(`sqlite:${join(folder, 'running.db')}`)
  await sql`create table shelf (name text)`.execute(running)
  const killed = join(folder, 'killed.db')
  for (const end of ['', '-shm']) await copyFile(join(folder, `running.db${end}`), `${killed}${end}`)
  await running.destroy()

  assert.throws(() => openDatabase(`sqlite:${killed}`), {
    code: 'unavailable',
    message: `${killed}-wal is gone, and what was committed last with it. Put it back, or restore a backup; to go on without, remove ${killed}-shm.`,
  })
  await rm(`${killed}-shm`)
  await openDatabase(`sqlite:${killed}`).destroy()
  const closed = openDatabase(`sqlite:${join(folder, 'running.db')}`)
  assert.deepEqual((await sql`select * from shelf`.execute(closed)).rows, [])
  await closed.destroy()
})
