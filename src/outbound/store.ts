import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Delivery } from './delivery.ts'
import type { DeliveryQueue, DeliveryState } from './queue.ts'

export interface Receiver {
  readonly project: string
  readonly receiver: string
}

export interface DeliveryFilter {
  readonly project: string
  readonly receiver?: string | undefined
  readonly state?: DeliveryState | undefined
}

/** Everything that one sender ever had to deliver, one lane for each receiver. Adapters must pass store.contract.ts. */
export interface DeliveryStore<Message> extends DeliveryQueue<Delivery<Message>> {
  /** Keeps a delivery that is due; of one event there is one for each receiver, however often this is called. */
  enqueue(delivery: Delivery<Message>): Promise<void>
  find(id: string): Promise<Delivery<Message> | undefined>
  /** Newest first. */
  list(filter: DeliveryFilter, page: PageRequest): Promise<Page<Delivery<Message>>>
  /** Forgets a receiver, with all that it got or was to get. */
  forget(tx: AnyTx, to: Receiver): Promise<void>
}
