import { testEngines } from '#storage/testing.ts'
import { checkpointStoreContract } from './checkpoint-store.contract.ts'
import { sqlCheckpointStore } from './checkpoint-store.sql.ts'
import { computeMigrations } from './tables.ts'

for (const engine of testEngines())
  checkpointStoreContract(engine.name, async t => sqlCheckpointStore(await engine.open(t, computeMigrations)))
