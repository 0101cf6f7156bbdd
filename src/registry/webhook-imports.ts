import { conflict } from '#kernel/error.ts'
import type { GuardedPost } from '#outbound'
import { checkWebhook, type Webhook } from './webhook.ts'
import type { WebhookStore } from './webhook-store.ts'

export type ImportedWebhook = Omit<Webhook, 'project' | 'state'>

/** Webhooks of another ledger. */
export interface WebhookImports {
  /**
   * Takes one in with its id, disabled: its secret is known to nobody who can read it, and the other ledger still tells.
   * Said again, it says what is told and where; whether it is disabled stays as it is here. Throws `invalid` as for a
   * new one, and `conflict` if the id is of another project.
   */
  put(project: string, webhook: ImportedWebhook): Promise<Webhook>
}

export function createWebhookImports({
  store,
  outbound,
}: {
  readonly store: WebhookStore
  readonly outbound: Pick<GuardedPost, 'check'>
}): WebhookImports {
  return {
    async put(project, webhook) {
      checkWebhook({ name: webhook.name, events: [...webhook.events] })
      await outbound.check(webhook.url)
      const known = await store.find(webhook.id)
      if (known && known.project !== project)
        throw conflict(`The webhook ${webhook.id} is in project ${known.project} already.`, { id: webhook.id })
      const { id, createdAt: _, updatedAt, ...said } = webhook
      if (known) await store.change(id, said, updatedAt)
      else await store.insert({ ...webhook, project, state: 'disabled' })
      return (await store.find(id))!
    },
  }
}
