import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** A revision takes traffic for the first time. */
export const deployed = defineEvent(
  'serving.deployed',
  z.object({
    deployment: z.string(),
    model: z.string(),
    revision: z.string(),
    version: z.string(),
    weight: z.number(),
    isFirst: z.boolean(),
  }),
)

/** Requests are divided otherwise than before. `weights` by revision, in percent. */
export const trafficChanged = defineEvent(
  'serving.traffic_changed',
  z.object({ deployment: z.string(), weights: z.record(z.string(), z.number()), reason: z.string() }),
)

/** Predictions have reached the log; `from` and `to` are the least and the greatest of their event times. */
export const predictionsLogged = defineEvent(
  'serving.predictions_logged',
  z.object({ deployment: z.string(), count: z.int(), from: z.int(), to: z.int() }),
)
