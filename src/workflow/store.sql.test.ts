import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import { behindContract } from './behind.contract.ts'
import { cacheContract } from './cache.contract.ts'
import { bed } from './contract-bed.ts'
import { deadlineContract } from './deadline.contract.ts'
import { finishContract } from './finish.contract.ts'
import { itemsContract } from './items.contract.ts'
import { laneContract } from './lane.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { roomContract } from './room.contract.ts'
import { workflowStoreContract } from './store.contract.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import { task } from './test-bed.ts'
import { workflowMigrations } from './migrations.ts'
import { triggerStoreContract } from './trigger-store.contract.ts'

const open = (engine: TestEngine) => async (t: TestContext) => {
  const db = await engine.open(t, [...secretMigrations, ...workflowMigrations])
  return sqlWorkflowStore(db, testVault(db))
}

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
    contract(engine.name, open(engine))
}

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('postgres: young leases are prolonged without waiting for who is ending some of them', async t => {
    const { store, take } = await bed(open(engine), t, { a: task('x'), b: task('x') })
    const [a, b] = await take(2)
    const outcome = { state: 'succeeded', outputs: {}, metrics: {} } as const

    const { held } = await store.transaction(async tx => {
      await store.finish(tx, [{ ...a!, owner: 'me', outcome, at: 1_000 }])
      return store.renew('me', [a!, b!], 11_500)
    })

    assert.deepEqual(held, new Set([a!.attempt, b!.attempt]))
  })
