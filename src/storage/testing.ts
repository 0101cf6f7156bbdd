import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { sql } from 'kysely'
import { migrate, type Migration } from './migrate.ts'
import { openDatabase, type Db } from './open.ts'

/** An engine that contract suites run on, with a way to an empty, migrated database that is gone after the test. */
export interface TestEngine {
  readonly name: string
  open(t: TestContext, migrations: readonly Migration[]): Promise<Db>
}

/** SQLite always; PostgreSQL when TRAINYARD_TEST_POSTGRES names a server, each test in a schema of its own. */
export function testEngines(): readonly TestEngine[] {
  const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine
  return url ? [sqliteEngine, postgresEngine(url)] : [sqliteEngine]
}

const sqliteEngine: TestEngine = {
  name: 'sqlite',
  async open(t, migrations) {
    const db = openDatabase('sqlite::memory:')
    t.after(() => db.destroy())
    await migrate(db, migrations)
    return db
  },
}

const postgresEngine = (url: string): TestEngine => ({
  name: 'postgres',
  async open(t, migrations) {
    const schema = `test_${randomUUID().replaceAll('-', '')}`
    const admin = openDatabase(url)
    await sql.raw(`create schema ${schema}`).execute(admin)
    const db = openDatabase(`${url}?options=-c%20search_path%3D${schema}`)
    t.after(async () => {
      await db.destroy()
      await sql.raw(`drop schema ${schema} cascade`).execute(admin)
      await admin.destroy()
    })
    await migrate(db, migrations)
    return db
  },
})
