import { testEngines } from '#storage/testing.ts'
import { servingStoreContract } from './store.contract.ts'
import { sqlServingStore } from './store.sql.ts'
import { servingMigrations } from './tables.ts'

for (const { name, open } of testEngines()) {
  servingStoreContract(name, async t => {
    const db = await open(t, servingMigrations)
    return { db, store: sqlServingStore(db) }
  })
}
