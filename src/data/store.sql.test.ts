import { testEngines } from '#storage/testing.ts'
import { dataStoreContract } from './store.contract.ts'
import { sqlDataStore } from './store.sql.ts'
import { dataMigrations } from './tables.ts'

for (const engine of testEngines())
  dataStoreContract(engine.name, async t => sqlDataStore(await engine.open(t, dataMigrations)))
