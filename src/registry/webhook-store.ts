import type { Millis } from '#kernel/clock.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { DeliveryQueue } from '#outbound'
import type { Renew } from '#secrets'
import type { Delivery, Subject, Webhook } from './webhook.ts'

/** A webhook with what only the courier may know. */
export type SecretWebhook = Webhook & { readonly secret?: string | undefined }

export type WebhookChange = Partial<Pick<SecretWebhook, 'name' | 'description' | 'url' | 'events' | 'secret' | 'state'>>

/** Where webhooks and their deliveries are kept. Adapters must pass webhook-store.contract.ts. */
export interface WebhookStore extends DeliveryQueue<Delivery> {
  insert(webhook: SecretWebhook): Promise<void>
  find(id: string): Promise<Webhook | undefined>
  /** Newest first. */
  list(project: string, page: PageRequest): Promise<Page<Webhook>>
  /** False when there is none. */
  change(id: string, change: WebhookChange, at: Millis): Promise<boolean>
  /** With its deliveries. False when there is none. */
  remove(id: string): Promise<boolean>
  secretOf(id: string): Promise<SecretWebhook | undefined>
  /** Seals secrets that are kept as they were given, from the time before there was a vault. Answers how many. */
  sealPlain(): Promise<number>
  /** Seals secrets anew with newer keys. Answers how many. */
  reseal(renew: Renew): Promise<number>

  /** The active webhooks of a project that subscribe to a subject. */
  subscribed(project: string, subject: Subject): Promise<readonly Webhook[]>
  /** Keeps a delivery that is due; of one event there is one for each webhook, however often this is called. */
  enqueue(delivery: Delivery): Promise<void>
  findDelivery(id: string): Promise<Delivery | undefined>
  /** Newest first. */
  deliveries(webhook: string, page: PageRequest): Promise<Page<Delivery>>
}
