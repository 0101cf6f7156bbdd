import { testEngines } from '#storage/testing.ts'
import { secretStoreContract } from './store.contract.ts'
import { sqlSecretStore } from './store.sql.ts'
import { secretMigrations } from './tables.ts'

for (const { name, open } of testEngines())
  secretStoreContract(name, async t => sqlSecretStore(await open(t, secretMigrations)))
