import { testEngines } from '#storage/testing.ts'
import { deliveryStoreContract } from './store.contract.ts'
import { sqlDeliveryStore } from './store.sql.ts'
import { outboundMigrations } from './tables.ts'

for (const { name, open } of testEngines())
  deliveryStoreContract(name, async t => {
    const db = await open(t, outboundMigrations)
    return {
      sender: sender => sqlDeliveryStore(db, sender),
      transaction: work => db.transaction().execute(tx => work(tx as never)),
    }
  })
