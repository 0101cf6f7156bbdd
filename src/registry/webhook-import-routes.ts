import { z } from 'zod'
import type { App } from '#http'
import { Name } from '#kernel/wire.ts'
import type { WebhookImports } from './webhook-imports.ts'
import { WebhookWire } from './webhook-wire.ts'

const WebhookId = z.string().regex(/^[\w-]{1,64}$/)

export function webhookImportRoutes(app: App, imports: WebhookImports): void {
  app.put(
    '/api/v1/projects/:project/imports/webhooks/:id',
    {
      config: { role: 'admin' } as const,
      schema: {
        summary: 'Take in a webhook of another ledger with its id, disabled and without a secret',
        tags: ['imports'],
        params: z.object({ project: Name, id: WebhookId }),
        body: WebhookWire.omit({ id: true, project: true, state: true }).meta({ title: 'ImportWebhook' }),
        response: { 200: WebhookWire },
      },
    },
    async ({ params: { project, id }, body }) =>
      (await imports.put(project, { ...body, id })) as z.input<typeof WebhookWire>,
  )
}
