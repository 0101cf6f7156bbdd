import { randomUUID } from 'node:crypto'
import { isoInstant, type Clock } from '#kernel/clock.ts'
import { messageOf, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { GuardedPost } from '#outbound'
import { on, type Handler } from '#storage'
import { checkWebhook, deliveryHeaders, type Delivery, type Subject, type Webhook } from './webhook.ts'
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
  deliveries(id: string, page: PageRequest): Promise<Page<Delivery>>
  /** Tells again what was told before, as a delivery of its own. */
  replay(webhook: string, delivery: string): Promise<Delivery>
  /** Seals the secrets of webhooks from the time before there was a vault: once, before anything is told. */
  sealPlain(): Promise<number>
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
  readonly outbound: GuardedPost
  readonly clock: Clock
  /** Called when something has become due. */
  wake(): void
}

export function createWebhooks(parts: WebhookParts): Webhooks {
  const { store, outbound, clock, wake } = parts
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
      if (!(await store.remove(id))) throw webhookNotFound(id)
    },

    async test(id, subject) {
      const webhook = await store.secretOf(id)
      if (!webhook) throw webhookNotFound(id)
      return tellExample(parts, webhook, subject ?? subjectOf(webhook.events[0]!))
    },

    async deliveries(id, page) {
      await get(id)
      return store.deliveries(id, page)
    },

    async replay(id, delivery) {
      await get(id)
      const told = await store.findDelivery(delivery)
      if (!told || told.webhook !== id) throw notFound('delivery', delivery)
      const { entity, action, body } = told
      const again: Delivery = { ...due(clock, { id, entity, action, body }), replayOf: delivery }
      await store.enqueue(again)
      wake()
      return again
    },

    sealPlain: () => store.sealPlain(),

    handlers: tellers.map(({ event, tell }) =>
      on(event, async ({ seq, project, at, data }) => {
        const told = project === undefined ? undefined : tell(data as never)
        if (told) await enqueue(parts, { ...told, project: project!, event: seq, body: bodyOf(told, at) })
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
  { store, clock, wake }: WebhookParts,
  { project, event, entity, action, body }: Subject & { project: string; event: number; body: string },
): Promise<void> {
  const webhooks = await store.subscribed(project, { entity, action })
  for (const { id } of webhooks) await store.enqueue({ ...due(clock, { id, entity, action, body }), event })
  if (webhooks.length > 0) wake()
}

/** Deliveries sort in the order of their making; MLflow's clients want plain UUIDs. */
const newUuid = (): string => newId('whk').slice('whk_'.length)

function due(
  clock: Clock,
  { id, entity, action, body }: Subject & { readonly id: string; readonly body: string },
): Delivery {
  const at = clock.now()
  return { id: newUuid(), webhook: id, entity, action, body, state: 'waiting', attempts: 0, createdAt: at, nextAt: at }
}

const bodyOf = ({ entity, action, data }: Told, at: number): string =>
  JSON.stringify({ entity, action, timestamp: isoInstant(at), data })

export function subjectOf(event: string): Subject {
  const [entity = '', action = ''] = event.split('.')
  return { entity, action }
}

const webhookNotFound = (id: string): Error => notFound('webhook', id)
