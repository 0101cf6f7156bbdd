import type { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import { TrainyardError } from '#kernel/error.ts'
import { askedPauseMs, signatureOf, type Delivery, type Retry } from '#outbound'
import type { WebhookDeliveryWire, WebhookWire } from './webhook-wire.ts'

/** Who wants to be told of what, and where. The secret is never shown. */
export type Webhook = z.output<typeof WebhookWire>
export type WebhookDelivery = z.output<typeof WebhookDeliveryWire>

/** What happened, by MLflow's names [MLflow: REST API]. */
export interface Subject {
  readonly entity: string
  readonly action: string
}

/** What a delivery tells: JSON, as it is sent. */
export interface Message extends Subject {
  readonly body: string
}

export const shownDelivery = ({ receiver, message, ...rest }: Delivery<Message>): WebhookDelivery => ({
  ...rest,
  webhook: receiver,
  ...message,
})

/** Events that may be subscribed to: `model_version_tag.set`. */
export const webhookEvents: readonly string[] = [
  'registered_model.created',
  'model_version.created',
  'model_version_tag.set',
  'model_version_tag.deleted',
  'model_version_alias.created',
  'model_version_alias.deleted',
  'prompt.created',
  'prompt_version.created',
  'prompt_tag.set',
  'prompt_tag.deleted',
  'prompt_version_tag.set',
  'prompt_version_tag.deleted',
  'prompt_alias.created',
  'prompt_alias.deleted',
]

export function checkWebhook({ name, events }: Partial<Pick<Webhook, 'name' | 'events'>>): void {
  if (name !== undefined && !/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/.test(name))
    throw refused(
      'name',
      name,
      'It must start and end with a letter or digit, be at most 63 characters long, and contain only letters, digits, dots, underscores and hyphens.',
    )
  if (events === undefined) return
  if (events.length === 0) throw refused('events', events, `one or more of ${webhookEvents.join(', ')}`)
  for (const event of events)
    if (!webhookEvents.includes(event)) throw refused('events', event, `one of ${webhookEvents.join(', ')}`)
}

const refused = (field: string, value: unknown, allowed: string): TrainyardError =>
  new TrainyardError('invalid', `Webhook ${field} ${JSON.stringify(value)} is invalid. ${allowed}`, {
    problems: [{ field, value, allowed }],
  })

/** The headers of one attempt: the receiver checks that it was us, and that it is not an old request said again. */
export function deliveryHeaders(
  { id, body, secret }: { id: string; body: string; secret: string | undefined },
  now: Millis,
): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(now / 1_000))
  return {
    'content-type': 'application/json',
    'x-mlflow-delivery-id': id,
    'x-mlflow-timestamp': seconds,
    ...(secret !== undefined && { 'x-mlflow-signature': signatureOf({ id, seconds, body }, secret) }),
  }
}

const retriesMax = 3
const pauseMax = 3_600_000
const passing = new Set([429, 500, 502, 503, 504])

/** Three more times after 1, 2 and 4 s, or when the receiver says, and only when it may be otherwise then. */
export const retryWebhook: Retry = ({ attempts }, heard, now) => {
  if (attempts > retriesMax || (heard.status !== undefined && !passing.has(heard.status))) return undefined
  return Math.min(askedPauseMs(heard, now) ?? 1_000 * 2 ** (attempts - 1), pauseMax)
}
