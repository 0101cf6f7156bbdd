import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { createLedger, metadataMigrations, sqlLedgerStore } from '#metadata'
import { createOutbox, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createFeedback } from './feedback.ts'
import { sqlIncidentStore } from './incident.sql.ts'
import { monitoringMigrations } from './tables.ts'

test('a subject is handed to a receiver once, however often it is routed', async t => {
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...metadataMigrations, ...monitoringMigrations])
  const clock = manualClock(1)
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const feedback = createFeedback({ db, store: sqlIncidentStore(db), outbox, ledger, clock })
  const request = {
    project: 'weather',
    kind: 'drift',
    title: 'wind drifted',
    subject: 'win_1',
    deployment: 'rain',
  } as const

  const items = [
    await db.transaction().execute(tx => feedback.route(tx, request)),
    await db.transaction().execute(tx => feedback.route(tx, request)),
  ]

  assert.deepEqual(
    items.map(({ isNew, item }) => [isNew, item.id === items[0]!.item.id, item.receiver]),
    [
      [true, true, 'experimentation'],
      [false, true, 'experimentation'],
    ],
  )
  assert.deepEqual(
    (await outbox.after(0, 10)).map(({ type }) => type),
    ['monitoring.feedback_routed'],
  )
})
