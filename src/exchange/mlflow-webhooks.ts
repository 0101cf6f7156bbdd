import type { MlflowClient } from './mlflow-client.ts'
import { isMissing, pagesOf } from './mlflow-pages.ts'
import type { CarriedWebhook } from './record.ts'

interface WebhookJson {
  readonly webhook_id: string
  readonly name: string
  readonly description?: string
  readonly url: string
  readonly events?: readonly { readonly entity: string; readonly action: string }[]
  readonly status?: string
  readonly creation_timestamp?: number
  readonly last_updated_timestamp?: number
}

/** All webhooks of a server; those before 3.3 have none. */
export async function* readWebhooks(client: MlflowClient): AsyncIterable<CarriedWebhook> {
  const pages = pagesOf<WebhookJson, 'webhooks'>('webhooks', token =>
    client
      .get<{ webhooks?: WebhookJson[]; next_page_token?: string }>('webhooks', { max_results: 100, page_token: token })
      .catch((error: unknown) => {
        if (isMissing(error)) return {}
        throw error
      }),
  )
  for await (const page of pages) yield* page.map(toWebhook)
}

const toWebhook = (json: WebhookJson): CarriedWebhook => ({
  id: json.webhook_id,
  name: json.name,
  ...(json.description ? { description: json.description } : {}),
  url: json.url,
  events: (json.events ?? []).map(({ entity, action }) => `${entity}.${action}`.toLowerCase()),
  state: json.status === 'DISABLED' ? 'disabled' : 'active',
  createdAt: json.creation_timestamp ?? 0,
  updatedAt: json.last_updated_timestamp ?? 0,
})
