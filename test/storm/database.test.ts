import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync, backup } from 'node:sqlite'
import { suite, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { openDatabase } from '#storage'
import { migrations } from '../../src/composition/migrations.ts'
import { kill, openField, until, type Field } from './field.ts'
import { allWell, outcomeOf } from './outcome.ts'
import { openCluster } from './postgres.ts'

/** A field on a PostgreSQL of its own; undefined, and the test is skipped, where that is not installed. */
async function onPostgres(t: TestContext) {
  const cluster = await openCluster(t)
  if (!cluster) {
    t.skip('PostgreSQL is not installed.')
    return undefined
  }
  const url = await cluster.database('rain')
  return { cluster, field: await openField(t, () => url) }
}

const onSqlite = (t: TestContext): Promise<Field> => openField(t, shared => `sqlite:${join(shared, 'state.db')}`)
const fileOf = ({ shared }: Field): string => join(shared, 'state.db')
const tasksRun = (field: Field): Promise<void> =>
  until('tasks run', async () => (await field.processes()).tasks.length > 0)

const fresh: Readonly<Record<string, (t: TestContext) => Promise<{ field: Field; url: string } | undefined>>> = {
  async SQLite(t) {
    const field = await onSqlite(t)
    return { field, url: `sqlite:${join(field.shared, 'empty.db')}` }
  },
  async PostgreSQL(t) {
    const opened = await onPostgres(t)
    return opened && { field: opened.field, url: await opened.cluster.database('empty') }
  },
}

// Most of their time they wait.
suite('databases', { concurrency: 3 }, () => {
  test('servers with one connection each do not wait for themselves', { timeout: 200_000 }, async t => {
    const opened = await onPostgres(t)
    if (!opened) return
    const { field } = opened
    await Promise.all(['one', 'two'].map(name => field.replica(name, { CONNECTIONS: '1' })))

    const runs = await Promise.all([0.1, 0.1, 0.1].map(seconds => field.start(seconds)))

    assert.deepEqual(await outcomeOf(field, runs), allWell)
  })

  test(
    'a session that holds rows and does nothing delays a run, also where statements time out, and loses nothing',
    { timeout: 200_000 },
    async t => {
      const opened = await onPostgres(t)
      if (!opened) return
      const { field, cluster } = opened
      await cluster.ask(`alter database rain set statement_timeout = '500ms'`)
      await Promise.all(['one', 'two'].map(name => field.replica(name)))
      const held = await field.start(1, 0.1)
      await tasksRun(field)
      const session = await connected(t, field.url)
      await session.query('begin')
      await session.query('set local statement_timeout = 0')
      await session.query('select * from workflow_run where id = $1 for update', [held])
      const others = await Promise.all([0.1, 0.1].map(seconds => field.start(seconds)))
      await until('the first task has ended', async () => (await field.oracle()).some(({ word }) => word === 'end'))
      // Longer than statements may take, and than a server is patient before it tries again.
      await sleep(1_500)
      const isEnded = (await field.workflow.run(held)).endedAt !== undefined
      await session.query('rollback')

      assert.deepEqual([isEnded, await outcomeOf(field, [held, ...others])], [false, allWell])
    },
  )

  test(
    'another process that has begun to write to the file of SQLite, and stands still, delays all and loses nothing',
    { timeout: 200_000 },
    async t => {
      const field = await onSqlite(t)
      await field.replica('one')
      const runs = [await field.start(1, 0.1)]
      await tasksRun(field)
      const text = `
      const db = new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 60000 })
      db.exec('begin immediate')
      process.stdout.write('begun')`
      const writer = spawn(process.execPath, ['-e', `${text}; setInterval(() => {}, 1e6)`, fileOf(field)])
      await once(writer.stdout, 'data')
      kill(writer.pid!, 'SIGSTOP')
      // Longer than the server waits for the file before it says that it cannot write.
      await sleep(6_000)
      kill(writer.pid!, 'SIGKILL')

      assert.deepEqual(await outcomeOf(field, runs), allWell)
    },
  )

  test(
    'a copy that was made of SQLite under load is whole: a server on it ends all that was accepted before',
    { timeout: 200_000 },
    async t => {
      const field = await onSqlite(t)
      const { child, ended } = await field.replica('one')
      const runs = await Promise.all(Array.from({ length: 4 }, () => field.start(0.3)))
      await until('results are written', async () => (await field.oracle()).some(({ word }) => word === 'end'))
      const copy = join(field.shared, 'copy.db')
      const file = new DatabaseSync(fileOf(field), { readOnly: true })
      await backup(file, copy, { rate: 20 })
      file.close()
      const { tasks, shims } = await field.processes()
      for (const pid of [child.pid!, ...shims, ...tasks]) kill(pid, 'SIGKILL')
      await ended
      await field.replica('one', {}, `sqlite:${copy}`)

      const restored = new DatabaseSync(copy, { readOnly: true })
      t.after(() => restored.close())
      const statesOf = (ids: readonly string[]): unknown[] =>
        ids.map(id => restored.prepare('select state from workflow_run where id = ?').get(id)?.['state'])
      await until('all runs have ended', async () =>
        statesOf(runs).every(state => state !== 'running' && state !== 'queued'),
      )
      assert.deepEqual(
        [restored.prepare('pragma integrity_check').get()?.['integrity_check'], statesOf(runs)],
        ['ok', runs.map(() => 'succeeded')],
      )
    },
  )

  for (const [engine, open] of Object.entries(fresh))
    test(
      `${engine}: a server that dies while it makes the tables leaves none, and the next makes them`,
      { timeout: 200_000 },
      async t => {
        const opened = await open(t)
        if (!opened) return
        const { field, url } = opened
        const steps = async (): Promise<readonly string[]> => {
          const db = openDatabase(url)
          const made = await sql<{ name: string }>`select name from migration`.execute(db).catch(() => ({ rows: [] }))
          await db.destroy()
          return made.rows.map(({ name }) => name).toSorted()
        }

        const doomed = await field.replica('doomed', { TRAINYARD_CRASHPOINT: 'storage.migrating:40' }, url)
        const left = [await doomed.ended, await steps()]
        const heir = await field.replica('heir', {}, url)

        assert.deepEqual(
          [left, heir.child.exitCode, await steps()],
          [['SIGKILL', []], null, migrations.map(({ name }) => name).toSorted()],
        )
      },
    )
})

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end().catch(() => {}))
  return client
}
