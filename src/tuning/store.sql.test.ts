import { testEngines } from '#storage/testing.ts'
import { tuningStoreContract } from './store.contract.ts'
import { sqlTuningStore } from './store.sql.ts'
import { tuningMigrations } from './tables.ts'

for (const engine of testEngines()) {
  tuningStoreContract(engine.name, async t => {
    const db = await engine.open(t, tuningMigrations)
    return { db, store: sqlTuningStore(db) }
  })
}
