import { testEngines } from '#storage/testing.ts'
import { deliveryStoreContract } from './store.contract.ts'
import { sqlDeliveryStore } from './store.sql.ts'
import { deliveryMigrations } from './tables.ts'

for (const engine of testEngines())
  deliveryStoreContract(engine.name, async t => sqlDeliveryStore(await engine.open(t, deliveryMigrations)))
