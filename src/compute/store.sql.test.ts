import { testEngines } from '#storage/testing.ts'
import { remoteStoreContract } from './store.contract.ts'
import { sqlRemoteStore } from './store.sql.ts'
import { computeMigrations } from './tables.ts'

for (const engine of testEngines())
  remoteStoreContract(engine.name, async t => sqlRemoteStore(await engine.open(t, computeMigrations)))
