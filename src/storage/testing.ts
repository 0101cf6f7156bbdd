import { DatabaseSync } from 'node:sqlite'
import { after, type TestContext } from 'node:test'
import { migrate, type Migration } from './migrate.ts'
import { openDatabase, sqliteDb, type Db } from './open.ts'
import { keyOf, openSchemas } from './testing-schemas.ts'

/** An engine that contract suites run on, with a way to an empty, migrated database that is gone after the test. */
export interface TestEngine {
  readonly name: string
  open(t: TestContext, migrations: readonly Migration[]): Promise<Db>
}

/** SQLite always; PostgreSQL when TRAINYARD_TEST_POSTGRES names a server, each test in a schema of its own. */
export function testEngines(): readonly TestEngine[] {
  const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine
  return url ? [sqliteEngine, (postgres ??= postgresEngine(url))] : [sqliteEngine]
}

let postgres: TestEngine | undefined

const sqliteEngine: TestEngine = {
  name: 'sqlite',
  async open(t, migrations) {
    const database = new DatabaseSync(':memory:')
    database.deserialize(await sqliteImage(migrations))
    const db = sqliteDb(database)
    t.after(() => db.destroy())
    return db
  },
}

/** What the steps make, which costs fifty times what a copy costs: made once a process. */
async function sqliteImage(migrations: readonly Migration[]): Promise<Uint8Array> {
  const key = keyOf(migrations)
  let image = images.get(key)
  if (!image) {
    const database = new DatabaseSync(':memory:')
    const db = sqliteDb(database)
    await migrate(db, migrations)
    image = database.serialize()
    await db.destroy()
    images.set(key, image)
  }
  return image
}

const images = new Map<string, Uint8Array>()

function postgresEngine(url: string): TestEngine {
  const schemas = openSchemas(url)
  after(() => schemas.drop())
  return {
    name: 'postgres',
    async open(t, migrations) {
      const schema = await schemas.take(migrations)
      const db = openDatabase(schema.url)
      t.after(async () => {
        await db.destroy()
        await schemas.giveBack(schema)
      })
      return db
    },
  }
}
