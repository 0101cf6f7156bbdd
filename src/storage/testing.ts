import { DatabaseSync } from 'node:sqlite'
import { after, type TestContext } from 'node:test'
import { migrate, type Migration } from './migrate.ts'
import { openDatabase, sqliteDb, type Db } from './open.ts'
import { keyOf, openSchemas, type TestSchemas } from './testing-schemas.ts'

/** An engine that contract suites run on, with a way to an empty, migrated database that is gone after the test. */
export interface TestEngine {
  readonly name: string
  open(t: TestContext, migrations: readonly Migration[]): Promise<Db>
}

const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine
const schemas = url === undefined || url === '' ? undefined : openSchemas(url)
// Here, where no test runs yet: who asks for an engine inside a test would have all schemas dropped with that test.
if (schemas) after(() => schemas.drop())

/** SQLite always; PostgreSQL when TRAINYARD_TEST_POSTGRES names a server, each test in a schema of its own. */
export const testEngines = (): readonly TestEngine[] =>
  schemas ? [sqliteEngine, postgresEngine(schemas)] : [sqliteEngine]

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

const postgresEngine = (schemas: TestSchemas): TestEngine => ({
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
})
