import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'

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
    id: z.string(),
    webhook: z.string(),
    /** Of the event that it tells; absent of a replay. */
    event: z.int().optional(),
    /** The delivery that it repeats. */
    replayOf: z.string().optional(),
    entity: z.string(),
    action: z.string(),
    body: z.string(),
    state: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int(),
    status: z.int().optional(),
    answer: z.string().optional(),
    error: z.string().optional(),
    createdAt: Instant,
    /** When it is tried next. */
    nextAt: Instant.optional(),
    endedAt: Instant.optional(),
  })
  .meta({ title: 'WebhookDelivery' })
export const WebhookDeliveryPage = pageOf(WebhookDeliveryWire)
