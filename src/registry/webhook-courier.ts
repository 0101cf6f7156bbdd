import type { Clock } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { createCourier, type Courier, type GuardedPost } from '#outbound'
import { deliveryHeaders, retryWebhook, type Delivery } from './webhook.ts'
import type { WebhookStore } from './webhook-store.ts'

/** Takes deliveries to their webhooks, with MLflow's headers and MLflow's patience. */
export const createWebhookCourier = ({
  store,
  outbound,
  clock,
  warn,
}: {
  readonly store: WebhookStore
  readonly outbound: GuardedPost
  readonly clock: Clock
  warn(facts: object, message: string): void
}): Courier =>
  createCourier<Delivery>({
    queue: store,
    retry: retryWebhook,
    clock,
    warn,
    async send({ id, webhook: of, body }) {
      const webhook = await store.secretOf(of)
      // Deleted with everything that was due to it, meanwhile.
      if (!webhook) return undefined
      if (webhook.state === 'disabled') throw new TrainyardError('conflict', 'The webhook is disabled.')
      const headers = deliveryHeaders({ id, body, secret: webhook.secret }, clock.now())
      return outbound.post(webhook.url, { headers, body })
    },
  })
