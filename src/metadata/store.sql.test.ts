import { testEngines } from '#storage/testing.ts'
import { ledgerStoreContract } from './store.contract.ts'
import { sqlLedgerStore } from './store.sql.ts'
import { metadataMigrations } from './tables.ts'

for (const engine of testEngines()) {
  ledgerStoreContract(engine.name, async t => {
    const db = await engine.open(t, metadataMigrations)
    return { db, store: sqlLedgerStore(db) }
  })
}
