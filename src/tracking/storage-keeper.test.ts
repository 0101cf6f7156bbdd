import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testEngines } from '#storage/testing.ts'
import { sqlPurgeStore } from './purge-store.sql.ts'
import { createPurge } from './purge.ts'
import { createStorageKeeper } from './storage-keeper.ts'
import { openTracking } from './testing.ts'

const dayMs = 86_400_000

for (const { trashMs, left } of [
  { trashMs: dayMs, left: 'not_found' },
  { trashMs: undefined, left: 'deleted' },
])
  test(`a run that was deleted two days ago is ${left} where the trash is kept for ${trashMs ?? 'ever'}`, async t => {
    const { db, ledger, clock, experiments, runs, run } = await openTracking(t, testEngines()[0]!)
    const { id: experiment } = await experiments.create({ name: 'rain/fit' })
    const id = await run(experiment)
    await runs.remove(id)
    clock.advance(2 * dayMs)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const swept = Promise.withResolvers<void>()
    const trash = createPurge({ db, ledger, clock, store: sqlPurgeStore(db), artifacts: { purge: async () => {} } })
    const keeper = createStorageKeeper({
      trash,
      trashMs,
      uploads: { sweep: async () => swept.resolve() },
      artifactSweep: { claim: async () => {}, run: nothing, preview: nothing, stop: async () => {} },
      warn: (facts, message) => assert.fail(`${message}: ${JSON.stringify(facts)}`),
    })

    keeper.start()
    t.mock.timers.tick(3_600_000)
    await swept.promise
    await keeper.stop()

    const found = await runs.get(id).then(
      ({ lifecycle }) => lifecycle,
      (error: { code?: string }) => error.code,
    )
    assert.equal(found, left)
  })

const nothing = async () => ({ freed: none, trashed: none, waiting: none, kept: none })
const none = { blobs: 0, bytes: 0 }
