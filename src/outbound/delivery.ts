import type { Millis } from '#kernel/clock.ts'
import type { Attempted } from './queue.ts'

/** A message of one sender that has to reach one receiver, and the last that was heard of it. */
export interface Delivery<Message> extends Attempted {
  /** Also what receivers are told: the same at every try. */
  readonly id: string
  readonly project: string
  /** Among the sender's receivers of the project. */
  readonly receiver: string
  /** Of the event that it tells; absent of what is sent again. */
  readonly event?: number | undefined
  /** The delivery that it repeats. */
  readonly replayOf?: string | undefined
  readonly message: Message
  readonly attempts: number
  readonly createdAt: Millis
}

export type DeliveryDraft<Message> = Pick<
  Delivery<Message>,
  'id' | 'project' | 'receiver' | 'event' | 'replayOf' | 'message'
>

/** One that is due from its making on. */
export const dueDelivery = <Message>(draft: DeliveryDraft<Message>, at: Millis): Delivery<Message> => ({
  ...draft,
  state: 'waiting',
  attempts: 0,
  createdAt: at,
  nextAt: at,
})
