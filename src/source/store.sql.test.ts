import { testEngines } from '#storage/testing.ts'
import { repositoryStoreContract } from './store.contract.ts'
import { sqlRepositoryStore } from './store.sql.ts'
import { sourceMigrations } from './tables.ts'

for (const engine of testEngines())
  repositoryStoreContract(engine.name, async t => sqlRepositoryStore(await engine.open(t, sourceMigrations)))
