import { testEngines } from '#storage/testing.ts'
import { assuranceStoreContract } from './store.contract.ts'
import { sqlAssuranceStore } from './store.sql.ts'
import { assuranceMigrations } from './tables.ts'

for (const engine of testEngines()) {
  assuranceStoreContract(engine.name, async t => {
    const db = await engine.open(t, assuranceMigrations)
    return { db, store: sqlAssuranceStore(db) }
  })
}
