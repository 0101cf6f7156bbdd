import type { Clock } from '#kernel/clock.ts'
import { createGuardedPost, type Courier } from '#outbound'
import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import type { Db } from '#storage'
import { createWebhookCourier } from './webhook-courier.ts'
import { sqlWebhookStore } from './webhook-store.sql.ts'
import { webhookMigrations } from './webhook-tables.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'

export const testWebhookMigrations = [...secretMigrations, ...webhookMigrations]

/** Webhooks that may post to this machine. */
export function testWebhooks(db: Db, clock: Clock): { courier: Courier; webhooks: Webhooks } {
  const store = sqlWebhookStore(db, testVault(db))
  const parts = { store, outbound: createGuardedPost({ targets: 'any' }), clock, warn: () => {} }
  const courier = createWebhookCourier(parts)
  return { courier, webhooks: createWebhooks({ ...parts, wake: () => courier.wake() }) }
}
