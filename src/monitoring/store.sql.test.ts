import { testEngines } from '#storage/testing.ts'
import { monitoringStoreContract } from './store.contract.ts'
import { sqlMonitoringStores } from './store.sql.ts'
import { monitoringMigrations } from './tables.ts'

for (const engine of testEngines()) {
  monitoringStoreContract(engine.name, async t => {
    const db = await engine.open(t, monitoringMigrations)
    return { db, ...sqlMonitoringStores(db) }
  })
}
