import { join } from 'node:path'
import { createGuardedPost } from '#outbound'
import { createWebhookCourier, createWebhooks, sqlWebhookStore } from '#registry'
import { createSecrets, createVault, masterKeySource, sqlSecretStore } from '#secrets'
import type { Outbox } from '#storage'
import type { Composition, Surroundings } from './compose.ts'

/** The vault, and what is sealed in it: secrets that people set, and those of the registry's webhooks. */
export function composeSealed(
  { config, db, clock, warn }: Surroundings,
  outbox: Outbox,
): Pick<Composition, 'courier' | 'secrets' | 'webhooks'> {
  const store = sqlSecretStore(db)
  const master = masterKeySource(config.masterKey, join(config.data, 'keys', 'master.key'))
  const vault = createVault({ store, master, clock })
  const webhookStore = sqlWebhookStore(db, vault)
  const secrets = createSecrets({ store, vault, outbox, clock, alsoSealed: [renew => webhookStore.reseal(renew)] })
  const outbound = createGuardedPost({ targets: config.webhookTargets })
  const webhookParts = { store: webhookStore, outbound, clock, warn }
  const courier = createWebhookCourier(webhookParts)
  return { courier, secrets, webhooks: createWebhooks({ ...webhookParts, wake: () => courier.wake() }) }
}
