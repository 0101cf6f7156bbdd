import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'

/** A push was built and tested, and is what the project declares now. */
export const buildDelivered = defineEvent('delivery.delivered', z.object({ commit: z.string(), revision: z.string() }))

export const rolloutOutcomes = ['promoted', 'rolled_back', 'first'] as const

/** A model version has come to the end of its way into a deployment, one way or the other. */
export const rolledOut = defineEvent(
  'delivery.rolled_out',
  z.object({
    deployment: z.string(),
    revision: z.string(),
    version: z.string(),
    outcome: z.enum(rolloutOutcomes),
    reason: z.string(),
  }),
)
