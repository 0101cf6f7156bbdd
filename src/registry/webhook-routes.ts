import { z } from 'zod'
import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { Name, PageQuery } from '#kernel/wire.ts'
import { WebhookDeliveryPage, WebhookDeliveryWire, WebhookPage } from './webhook-wire.ts'
import type { Webhooks } from './webhooks.ts'

const ProjectParams = z.object({ project: Name })
const WebhookParams = ProjectParams.extend({ webhook: z.string().max(100) })
const DeliveryParams = WebhookParams.extend({ delivery: z.string().max(100) })
const tags = ['registry']
/** The address of a webhook is often a secret itself. */
const config = { role: 'admin' } as const

/** What MLflow's API has not: what became of deliveries, and telling again. */
export function webhookRoutes(app: App, webhooks: Webhooks): void {
  const requireOf = async ({ project, webhook }: { project: string; webhook: string }): Promise<string> => {
    const { id, project: owner } = await webhooks.get(webhook)
    if (owner !== project) throw notFound('webhook', webhook)
    return id
  }

  app.get(
    '/api/v1/projects/:project/webhooks',
    {
      config,
      schema: {
        summary: 'Webhooks of a project, newest first',
        tags,
        params: ProjectParams,
        querystring: PageQuery,
        response: { 200: WebhookPage },
      },
    },
    async ({ params, query }) => (await webhooks.list(params.project, query)) as z.input<typeof WebhookPage>,
  )

  app.get(
    '/api/v1/projects/:project/webhooks/:webhook/deliveries',
    {
      config,
      schema: {
        summary: 'What was delivered to a webhook, and what was not, newest first',
        tags,
        params: WebhookParams,
        querystring: PageQuery,
        response: { 200: WebhookDeliveryPage },
      },
    },
    async ({ params, query }) =>
      (await webhooks.deliveries(await requireOf(params), query)) as z.input<typeof WebhookDeliveryPage>,
  )

  app.post(
    '/api/v1/projects/:project/webhooks/:webhook/deliveries/:delivery/replay',
    {
      config,
      schema: {
        summary: 'Deliver again, as a delivery of its own',
        tags,
        params: DeliveryParams,
        response: { 201: WebhookDeliveryWire },
      },
    },
    async ({ params }, reply) => {
      reply.code(201)
      return webhooks.replay(await requireOf(params), params.delivery)
    },
  )
}
