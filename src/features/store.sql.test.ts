import { testEngines } from '#storage/testing.ts'
import { featureStoreContract } from './store.contract.ts'
import { sqlFeatureStore } from './store.sql.ts'
import { featureMigrations } from './tables.ts'

for (const engine of testEngines())
  featureStoreContract(engine.name, async t => sqlFeatureStore(await engine.open(t, featureMigrations)))
