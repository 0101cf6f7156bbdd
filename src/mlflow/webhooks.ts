import { z } from 'zod'
import { subjectOf, type Webhook, type Webhooks } from '#registry'
import { int64, many } from './field.ts'
import type { Caller, Declare } from './route.ts'

export interface WebhookCallParts {
  readonly webhooks: Webhooks
}

const base = '2.0/mlflow/webhooks'

/** MLflow's names are upper case here, and lower case in what is delivered. */
const Event = z
  .object({ entity: z.string(), action: z.string() })
  .transform(({ entity, action }) => `${entity}.${action}`.toLowerCase())
const Status = z.enum(['ACTIVE', 'DISABLED'])
const Identified = z.object({ webhook_id: z.string() })

/** Webhooks of the project that the caller works in [MLflow: REST API]. */
export const webhookCalls =
  (parts: WebhookCallParts) =>
  (declare: Declare): void => {
    collectionCalls(parts, declare)
    itemCalls(parts, declare)
  }

function collectionCalls({ webhooks }: WebhookCallParts, declare: Declare): void {
  const may = ['manage', (_: unknown, caller: Caller) => ({ project: caller.workspace })] as const
  declare({
    method: 'POST',
    path: base,
    input: z.object({
      name: z.string(),
      url: z.string(),
      events: many(Event),
      description: z.string().optional(),
      secret: z.string().optional(),
      status: Status.optional(),
    }),
    may,
    async handle({ status, description, secret, ...draft }, { workspace: project }) {
      const webhook = await webhooks.create({
        ...draft,
        project,
        description: description === '' ? undefined : description,
        secret: secret === '' ? undefined : secret,
        state: status && stateOf[status],
      })
      return { webhook: webhookJson(webhook) }
    },
  })
  declare({
    method: 'GET',
    path: base,
    input: z.object({
      max_results: int64
        .default(100)
        .refine(count => count >= 0 && count <= 1_000, 'max_results must be between 1 and 1000'),
      page_token: z.string().max(200).optional(),
    }),
    may,
    async handle({ max_results, page_token }, { workspace }) {
      const page = { limit: max_results || 100, after: page_token === '' ? undefined : page_token }
      const { items, next } = await webhooks.list(workspace, page)
      return { ...(items.length > 0 && { webhooks: items.map(webhookJson) }), next_page_token: next }
    },
  })
}

function itemCalls({ webhooks }: WebhookCallParts, declare: Declare): void {
  const path = `${base}/:webhook_id` as const
  const of = async ({ webhook_id }: { webhook_id: string }) => ({ project: (await webhooks.get(webhook_id)).project })
  declare({
    method: 'GET',
    path,
    input: Identified,
    may: ['manage', of],
    handle: async ({ webhook_id }) => ({ webhook: webhookJson(await webhooks.get(webhook_id)) }),
  })
  declare({
    method: 'PATCH',
    path,
    input: Identified.extend({
      name: z.string().optional(),
      url: z.string().optional(),
      events: many(Event),
      description: z.string().optional(),
      secret: z.string().optional(),
      status: Status.optional(),
    }),
    may: ['manage', of],
    async handle({ webhook_id, name, url, events, description, secret, status }) {
      const webhook = await webhooks.change(webhook_id, {
        ...(name && { name }),
        ...(url && { url }),
        ...(events.length > 0 && { events }),
        ...(description !== undefined && { description }),
        ...(secret !== undefined && { secret }),
        ...(status && { state: stateOf[status] }),
      })
      return { webhook: webhookJson(webhook) }
    },
  })
  declare({
    method: 'DELETE',
    path,
    input: Identified,
    may: ['manage', of],
    async handle({ webhook_id }) {
      await webhooks.remove(webhook_id)
      return {}
    },
  })
  declare({
    method: 'POST',
    path: `${path}/test`,
    input: Identified.extend({ event: Event.optional() }),
    may: ['manage', of],
    async handle({ webhook_id, event }) {
      const { success, status, body, error } = await webhooks.test(webhook_id, event ? subjectOf(event) : undefined)
      return { result: { success, response_status: status, response_body: body, error_message: error } }
    },
  })
}

const stateOf = { ACTIVE: 'active', DISABLED: 'disabled' } as const

const webhookJson = ({ id, name, description, url, events, state, createdAt, updatedAt }: Webhook): object => ({
  webhook_id: id,
  name,
  description,
  url,
  events: events.map(event => {
    const { entity, action } = subjectOf(event)
    return { entity: entity.toUpperCase(), action: action.toUpperCase() }
  }),
  status: state.toUpperCase(),
  creation_timestamp: createdAt,
  last_updated_timestamp: updatedAt,
})
