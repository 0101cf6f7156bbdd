import { join } from 'node:path'
import { createGuardedPost } from '#outbound'
import {
  createWebhookCourier,
  createWebhookImports,
  createWebhooks,
  sqlWebhookStore,
  webhookDeliveries,
  webhookSecrets,
  type WebhookImports,
} from '#registry'
import { createSecrets, createVault, masterKeySource, sqlSecretStore, type Vault } from '#secrets'
import type { Outbox } from '#storage'
import { triggerSecrets } from '#workflow'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'

/** The vault, and what is sealed in it: secrets that people set, those of the registry's webhooks and of triggers. */
export function composeSealed(
  { config, db, clock, warn }: Surroundings,
  outbox: Outbox,
): Pick<Composition, 'courier' | 'secrets' | 'webhooks'> & {
  readonly vault: Vault
  readonly webhookImports: WebhookImports
} {
  const store = sqlSecretStore(db)
  const master = masterKeySource(config.masterKey, join(config.data, 'keys', 'master.key'))
  const vault = createVault({ store, master, clock })
  const alsoSealed = [webhookSecrets(db, vault), triggerSecrets(db, vault)]
  const secrets = createSecrets({ store, vault, outbox, clock, alsoSealed })
  const webhookParts = {
    store: sqlWebhookStore(db, vault),
    deliveries: webhookDeliveries(db),
    outbound: createGuardedPost({ targets: config.webhookTargets }),
    clock,
    warn,
  }
  const courier = createWebhookCourier(webhookParts)
  const webhooks = createWebhooks({ ...webhookParts, wake: () => courier.wake() })
  return { courier, secrets, vault, webhooks, webhookImports: createWebhookImports(webhookParts) }
}
