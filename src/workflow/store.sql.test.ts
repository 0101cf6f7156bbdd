import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import { testEngines } from '#storage/testing.ts'
import { behindContract } from './behind.contract.ts'
import { cacheContract } from './cache.contract.ts'
import { deadlineContract } from './deadline.contract.ts'
import { finishContract } from './finish.contract.ts'
import { itemsContract } from './items.contract.ts'
import { laneContract } from './lane.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { roomContract } from './room.contract.ts'
import { workflowStoreContract } from './store.contract.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import { workflowMigrations } from './migrations.ts'
import { triggerStoreContract } from './trigger-store.contract.ts'

for (const engine of testEngines()) {
  for (const contract of [
    workflowStoreContract,
    laneContract,
    leaseContract,
    roomContract,
    finishContract,
    behindContract,
    itemsContract,
    cacheContract,
    triggerStoreContract,
    deadlineContract,
  ])
    contract(engine.name, async t => {
      const db = await engine.open(t, [...secretMigrations, ...workflowMigrations])
      return sqlWorkflowStore(db, testVault(db))
    })
}
