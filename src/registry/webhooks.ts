import { randomUUID } from 'node:crypto'
import { isoInstant, type Clock } from '#kernel/clock.ts'
import { messageOf, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { dueDelivery, type Delivery, type DeliveryDraft, type DeliveryStore, type GuardedPost } from '#outbound'
import { on, type Handler } from '#storage'
import {
  checkWebhook,
  deliveryHeaders,
  shownDelivery,
  type Message,
  type Subject,
  type Webhook,
  type WebhookDelivery,
} from './webhook.ts'
import { exampleOf, tellers, type Told } from './webhook-payload.ts'
import type { SecretWebhook, WebhookChange, WebhookStore } from './webhook-store.ts'

/** Who is told of changes in the registry, and what became of the telling. */
export interface Webhooks {
  /** Throws `invalid` for a name, an event or a url that is not allowed. */
  create(draft: WebhookDraft): Promise<Webhook>
  /** Throws `not_found`, as the others below do. */
  get(id: string): Promise<Webhook>
  list(project: string, page: PageRequest): Promise<Page<Webhook>>
  change(id: string, change: WebhookChange): Promise<Webhook>
  remove(id: string): Promise<void>
  /** Tells an example, once and now. */
  test(id: string, subject?: Subject): Promise<TestResult>
  deliveries(id: string, page: PageRequest): Promise<Page<WebhookDelivery>>
  /** Tells again what was told before, as a delivery of its own. */
  replay(webhook: string, delivery: string): Promise<WebhookDelivery>
  /** What this does on events: it only writes down what has to be delivered. */
  readonly handlers: readonly Handler[]
}

export interface WebhookDraft {
  readonly project: string
  readonly name: string
  readonly description?: string | undefined
  readonly url: string
  readonly events: readonly string[]
  readonly secret?: string | undefined
  readonly state?: Webhook['state'] | undefined
}

export interface TestResult {
  readonly success: boolean
  readonly status?: number
  readonly body?: string
  readonly error?: string
}

export interface WebhookParts {
  readonly store: WebhookStore
  readonly deliveries: DeliveryStore<Message>
  readonly outbound: GuardedPost
  readonly clock: Clock
  /** Called when something has become due. */
  wake(): void
}

export function createWebhooks(parts: WebhookParts): Webhooks {
  const { store, deliveries, outbound, clock, wake } = parts
  const get = async (id: string): Promise<Webhook> => {
    const webhook = await store.find(id)
    if (!webhook) throw webhookNotFound(id)
    return webhook
  }

  return {
    async create({ state = 'active', secret, description, events, ...draft }) {
      checkWebhook({ name: draft.name, events: [...events] })
      await outbound.check(draft.url)
      const at = clock.now()
      const webhook: Webhook = {
        ...draft,
        id: newUuid(),
        ...(description !== undefined && { description }),
        events: [...new Set(events)],
        state,
        createdAt: at,
        updatedAt: at,
      }
      await store.insert({ ...webhook, secret })
      return webhook
    },

    get,
    list: (project, page) => store.list(project, page),

    async change(id, change) {
      await get(id)
      checkWebhook(change)
      if (change.url !== undefined) await outbound.check(change.url)
      if (!(await store.change(id, change, clock.now()))) throw webhookNotFound(id)
      return get(id)
    },

    async remove(id) {
      const { project } = await get(id)
      const to = { project, receiver: id }
      if (!(await store.remove(id, tx => deliveries.forget(tx, to)))) throw webhookNotFound(id)
    },

    async test(id, subject) {
      const webhook = await store.secretOf(id)
      if (!webhook) throw webhookNotFound(id)
      return tellExample(parts, webhook, subject ?? subjectOf(webhook.events[0]!))
    },

    async deliveries(id, page) {
      const { project } = await get(id)
      const found = await deliveries.list({ project, receiver: id }, page)
      return { ...found, items: found.items.map(shownDelivery) }
    },

    async replay(id, delivery) {
      const { project } = await get(id)
      const told = await deliveries.find(delivery)
      if (!told || told.receiver !== id) throw notFound('delivery', delivery)
      const again = due(clock, { project, receiver: id, replayOf: delivery, message: told.message })
      await deliveries.enqueue(again)
      wake()
      return shownDelivery(again)
    },

    handlers: tellers.map(({ event, tell }) =>
      on(event, async ({ seq, project, at, data }) => {
        const told = project === undefined ? undefined : tell(data as never)
        if (!told) return
        const { entity, action } = told
        await enqueue(parts, { project: project!, event: seq, entity, action, body: bodyOf(told, at) })
      }),
    ),
  }
}

async function tellExample(
  { outbound, clock }: WebhookParts,
  { url, secret }: SecretWebhook,
  told: Subject,
): Promise<TestResult> {
  const body = bodyOf({ ...told, data: exampleOf(told) }, clock.now())
  const headers = deliveryHeaders({ id: randomUUID(), body, secret }, clock.now())
  try {
    const { status, text } = await outbound.post(url, { headers, body })
    return { success: status >= 200 && status < 300, status, body: text }
  } catch (error) {
    return { success: false, error: `Failed to test webhook: ${messageOf(error)}` }
  }
}

async function enqueue(
  { store, deliveries, clock, wake }: WebhookParts,
  { project, event, ...message }: Message & { project: string; event: number },
): Promise<void> {
  const webhooks = await store.subscribed(project, message)
  for (const { id } of webhooks) await deliveries.enqueue(due(clock, { project, receiver: id, event, message }))
  if (webhooks.length > 0) wake()
}

/** Deliveries sort in the order of their making; MLflow's clients want plain UUIDs. */
const newUuid = (): string => newId('whk').slice('whk_'.length)

const due = (clock: Clock, draft: Omit<DeliveryDraft<Message>, 'id'>): Delivery<Message> =>
  dueDelivery({ ...draft, id: newUuid() }, clock.now())

const bodyOf = ({ entity, action, data }: Told, at: number): string =>
  JSON.stringify({ entity, action, timestamp: isoInstant(at), data })

export function subjectOf(event: string): Subject {
  const [entity = '', action = ''] = event.split('.')
  return { entity, action }
}

const webhookNotFound = (id: string): Error => notFound('webhook', id)
