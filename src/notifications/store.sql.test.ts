import { testEngines } from '#storage/testing.ts'
import { notificationStoreContract } from './store.contract.ts'
import { sqlNotificationStore } from './store.sql.ts'
import { notificationMigrations } from './tables.ts'

for (const { name, open } of testEngines())
  notificationStoreContract(name, async t => sqlNotificationStore(await open(t, notificationMigrations)))
