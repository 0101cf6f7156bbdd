import { z } from 'zod'
import { Instant, Name, PageQuery, pageOf } from '#kernel/wire.ts'

/** Triggers as JSON. */

/** What became of one instant, event or delivery. */
export const TickWire = z
  .object({
    /** The instant, the event's number or the delivery's id. */
    key: z.string(),
    at: Instant,
    run: z.string().optional(),
    /** Why there is no run. */
    skipped: z.string().optional(),
    error: z.string().optional(),
  })
  .meta({ title: 'Tick' })
export const TickPage = pageOf(TickWire)

export const TriggerWire = z
  .object({
    pipeline: z.string(),
    /** Among the triggers of its pipeline. */
    name: z.string(),
    /** As in the project file. */
    spec: z.record(z.string(), z.unknown()),
    nextAt: Instant.optional(),
    /** Sources whose new data no run was started for yet. */
    pending: z.array(z.string()).optional(),
    paused: z.object({ at: Instant, by: z.string() }).optional(),
    last: TickWire.omit({ key: true }).optional(),
    /** Where deliveries are posted to, and whether there is a secret to sign them with. */
    hook: z.object({ path: z.string(), hasSecret: z.boolean() }).optional(),
  })
  .meta({ title: 'Trigger' })
export const TriggerList = z.object({ items: z.array(TriggerWire) })

/** Shown this once. */
export const HookSecret = z.object({ path: z.string(), secret: z.string() })
export const DeliveryAnswer = z.object({ run: z.string().optional(), skipped: z.string().optional() })

export const TriggerParams = z.object({ project: Name, pipeline: Name, trigger: Name })
export const HookParams = z.object({ hook: z.string().max(100) })
export const TickQuery = PageQuery
