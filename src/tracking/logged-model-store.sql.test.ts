import { testEngines } from '#storage/testing.ts'
import { loggedModelStoreContract } from './logged-model-store.contract.ts'
import { sqlLoggedModelStore } from './logged-model-store.sql.ts'
import { loggedModelMigrations } from './logged-model-tables.ts'

for (const { name, open } of testEngines()) {
  loggedModelStoreContract(name, async t => {
    const db = await open(t, loggedModelMigrations)
    return { db, store: sqlLoggedModelStore(db) }
  })
}
