import { testVault } from '#secrets/testing.ts'
import { testEngines } from '#storage/testing.ts'
import { webhookStoreContract } from './webhook-store.contract.ts'
import { sqlWebhookStore } from './webhook-store.sql.ts'
import { testWebhookMigrations } from './webhook-testing.ts'

for (const { name, open } of testEngines())
  webhookStoreContract(name, async t => {
    const db = await open(t, testWebhookMigrations)
    return sqlWebhookStore(db, testVault(db))
  })
