import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'
import { deliveryFields } from '#outbound/wire.ts'

/** Webhooks and what became of their deliveries, as JSON. */

export const WebhookWire = z
  .object({
    id: z.string(),
    project: z.string(),
    name: z.string(),
    description: z.string().optional(),
    url: z.string(),
    /** `model_version.created` */
    events: z.array(z.string()),
    state: z.enum(['active', 'disabled']),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ title: 'Webhook' })
export const WebhookPage = pageOf(WebhookWire)

export const WebhookDeliveryWire = z
  .object({
    ...deliveryFields,
    webhook: z.string(),
    entity: z.string(),
    action: z.string(),
    body: z.string(),
  })
  .meta({ title: 'WebhookDelivery' })
export const WebhookDeliveryPage = pageOf(WebhookDeliveryWire)
