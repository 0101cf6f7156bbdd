import type { Millis } from '#kernel/clock.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Subject, Webhook } from './webhook.ts'

/** A webhook with what only the courier may know. */
export type SecretWebhook = Webhook & { readonly secret?: string | undefined }

export type WebhookChange = Partial<Pick<SecretWebhook, 'name' | 'description' | 'url' | 'events' | 'secret' | 'state'>>

/** Where webhooks are kept. Adapters must pass webhook-store.contract.ts. */
export interface WebhookStore {
  insert(webhook: SecretWebhook): Promise<void>
  find(id: string): Promise<Webhook | undefined>
  /** Newest first. */
  list(project: string, page: PageRequest): Promise<Page<Webhook>>
  /** False when there is none. */
  change(id: string, change: WebhookChange, at: Millis): Promise<boolean>
  /** Together with what else is done in its transaction. False when there is none. */
  remove(id: string, also: (tx: AnyTx) => Promise<void>): Promise<boolean>
  secretOf(id: string): Promise<SecretWebhook | undefined>
  /** The active webhooks of a project that subscribe to a subject. */
  subscribed(project: string, subject: Subject): Promise<readonly Webhook[]>
}
