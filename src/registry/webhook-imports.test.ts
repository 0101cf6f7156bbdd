import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '#kernel/clock.ts'
import { createGuardedPost } from '#outbound'
import { testVault } from '#secrets/testing.ts'
import { testEngines } from '#storage/testing.ts'
import { createWebhookImports } from './webhook-imports.ts'
import { sqlWebhookStore } from './webhook-store.sql.ts'
import { testWebhookMigrations } from './webhook-testing.ts'

const webhook = {
  id: 'eb06bf32-600b-46ae-80ed-4c78fffed159',
  name: 'models',
  url: 'https://93.184.216.34/hook',
  events: ['registered_model.created'],
  createdAt: 5 as Millis,
  updatedAt: 6 as Millis,
}

for (const engine of testEngines())
  test(`an imported webhook is disabled until somebody makes it active, and stays in its project, ${engine.name}`, async t => {
    const db = await engine.open(t, testWebhookMigrations)
    const store = sqlWebhookStore(db, testVault(db))
    const imports = createWebhookImports({ store, outbound: createGuardedPost({ targets: 'public' }) })
    const taken = { ...webhook, project: 'rain', state: 'disabled' }
    assert.deepEqual(await imports.put('rain', webhook), taken)
    await store.change(webhook.id, { secret: 's', state: 'active' }, 7 as Millis)
    const changed = { ...webhook, description: 'd', updatedAt: 8 as Millis }
    assert.deepEqual(await imports.put('rain', changed), { ...changed, project: 'rain', state: 'active' })
    assert.equal((await store.secretOf(webhook.id))!.secret, 's')
    await assert.rejects(imports.put('snow', webhook), { code: 'conflict' })
    await assert.rejects(imports.put('rain', { ...webhook, events: ['budget.exceeded'] }), { code: 'invalid' })
    await assert.rejects(imports.put('rain', { ...webhook, url: 'https://127.0.0.1/' }), { code: 'invalid' })
  })
