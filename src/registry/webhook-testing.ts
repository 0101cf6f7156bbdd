import type { Clock } from '#kernel/clock.ts'
import { createGuardedPost, outboundMigrations, type Courier } from '#outbound'
import { secretMigrations } from '#secrets'
import { testVault } from '#secrets/testing.ts'
import type { Db } from '#storage'
import { createWebhookCourier } from './webhook-courier.ts'
import { sqlWebhookStore, webhookDeliveries } from './webhook-store.sql.ts'
import { webhookMigrations } from './webhook-tables.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'

export const testWebhookMigrations = [...outboundMigrations, ...secretMigrations, ...webhookMigrations]

/** Webhooks that may post to this machine. */
export function testWebhooks(db: Db, clock: Clock): { courier: Courier; webhooks: Webhooks } {
  const store = sqlWebhookStore(db, testVault(db))
  const deliveries = webhookDeliveries(db)
  const parts = { store, deliveries, outbound: createGuardedPost({ targets: 'any' }), clock, warn: () => {} }
  const courier = createWebhookCourier(parts)
  return { courier, webhooks: createWebhooks({ ...parts, wake: () => courier.wake() }) }
}
