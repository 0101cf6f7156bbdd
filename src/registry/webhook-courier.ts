import type { Clock } from '#kernel/clock.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import { createCourier, type Courier, type Delivery, type DeliveryStore, type GuardedPost } from '#outbound'
import { deliveryHeaders, retryWebhook, type Message } from './webhook.ts'
import type { WebhookStore } from './webhook-store.ts'

/** Takes deliveries to their webhooks, with MLflow's headers and MLflow's patience. */
export const createWebhookCourier = ({
  store,
  deliveries,
  outbound,
  clock,
  warn,
}: {
  readonly store: Pick<WebhookStore, 'secretOf'>
  readonly deliveries: DeliveryStore<Message>
  readonly outbound: GuardedPost
  readonly clock: Clock
  warn(facts: object, message: string): void
}): Courier =>
  createCourier<Delivery<Message>>({
    queue: deliveries,
    retry: retryWebhook,
    clock,
    warn,
    async send({ id, receiver, message: { body } }) {
      const webhook = await store.secretOf(receiver)
      if (!webhook) throw notFound('webhook', receiver)
      if (webhook.state === 'disabled') throw new TrainyardError('conflict', 'The webhook is disabled.')
      const headers = deliveryHeaders({ id, body, secret: webhook.secret }, clock.now())
      return outbound.post(webhook.url, { headers, body })
    },
  })
