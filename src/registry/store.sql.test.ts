import { testEngines } from '#storage/testing.ts'
import { modelStoreContract } from './store.contract.ts'
import { sqlModelStore } from './store.sql.ts'
import { registryMigrations } from './tables.ts'

for (const { name, open } of testEngines()) {
  modelStoreContract(name, async t => {
    const db = await open(t, registryMigrations)
    return { db, store: sqlModelStore(db) }
  })
}
