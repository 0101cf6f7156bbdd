import { testEngines } from '#storage/testing.ts'
import { projectStoreContract } from './store.contract.ts'
import { sqlProjectStore } from './store.sql.ts'
import { projectMigrations } from './tables.ts'

for (const engine of testEngines())
  projectStoreContract(engine.name, async t => sqlProjectStore(await engine.open(t, projectMigrations)))
