import type { Millis } from '#kernel/clock.ts'

export const deliveryStates = ['waiting', 'delivered', 'failed'] as const
export type DeliveryState = (typeof deliveryStates)[number]

/** Something that has to reach a receiver: what a courier knows of it. */
export interface Queued {
  readonly id: string
  /** Of these, how often it was tried, this time included. */
  readonly attempts: number
  readonly createdAt: Millis
}

/** What an attempt came to. Without `nextAt` there is no other. */
export interface Attempted {
  readonly state: DeliveryState
  /** The receiver's answer: its code, and its first words. */
  readonly status?: number | undefined
  readonly answer?: string | undefined
  readonly error?: string | undefined
  readonly nextAt?: Millis | undefined
  readonly endedAt?: Millis | undefined
}

/** One that was taken, and the lane that it stands in: its receiver. */
export interface Taken<Delivery> {
  readonly lane: string
  readonly delivery: Delivery
}

export interface Taking {
  readonly now: Millis
  readonly until: Millis
  readonly limit: number
  /** Lanes that are busy. */
  readonly except: readonly string[]
}

/** Deliveries that wait, in one lane for each receiver. The store of deliveries is one. */
export interface DeliveryQueue<Delivery extends Queued> {
  /**
   * Takes what is due, one of each lane and of that the longest due, and counts an attempt of each. Until `until` nobody
   * else gets them: what is not told of by then is tried again.
   */
  take(taking: Taking): Promise<readonly Taken<Delivery>[]>
  conclude(id: string, attempted: Attempted): Promise<void>
  /** When the next is due in a lane that is not busy. */
  nextDue(except: readonly string[]): Promise<Millis | undefined>
}
