import type { Page, PageRequest } from '#kernel/page.ts'
import type { DeliveryQueue } from '#outbound'
import type { Notification } from './notification.ts'

export interface NotificationFilter {
  readonly project: string
  readonly channel?: string | undefined
  readonly state?: Notification['state'] | undefined
}

/** Where messages are kept. Adapters must pass store.contract.ts. */
export interface NotificationStore extends DeliveryQueue<Notification> {
  /** Keeps a message that is due; of one event there is one for each channel, however often this is called. */
  enqueue(notification: Notification): Promise<void>
  find(id: string): Promise<Notification | undefined>
  /** Newest first. */
  list(filter: NotificationFilter, page: PageRequest): Promise<Page<Notification>>
}
