import { z } from 'zod'
import { Instant } from '#kernel/wire.ts'
import { deliveryStates } from './queue.ts'

/** What every delivery shows of itself as JSON, beside its receiver and its message. */
export const deliveryFields = {
  /** Also the id that receivers are told: the same at every try. */
  id: z.string(),
  project: z.string(),
  /** Of the event that it tells; absent of what is sent again. */
  event: z.int().optional(),
  /** The one that it repeats. */
  replayOf: z.string().optional(),
  state: z.enum(deliveryStates),
  attempts: z.int(),
  /** What the receiver answered last, and its first words. */
  status: z.int().optional(),
  answer: z.string().optional(),
  error: z.string().optional(),
  createdAt: Instant,
  /** When it is tried next. */
  nextAt: Instant.optional(),
  endedAt: Instant.optional(),
}
