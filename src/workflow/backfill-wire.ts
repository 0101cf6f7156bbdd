import { z } from 'zod'
import { Instant, Name, PageQuery, pageOf } from '#kernel/wire.ts'
import { runStates } from './wire.ts'

/** Back-fills as JSON. */

export const againModes = ['none', 'failed', 'all'] as const
export const orders = ['oldest', 'newest'] as const

const at = z.iso.datetime({ offset: true })

export const BackfillBody = z.object({
  /** The first and the last instant that may be among them, as in `2026-03-29T06:00:00Z`. */
  from: at,
  to: at,
  /** The schedule or interval whose instants they are; the only one of the pipeline when left out. */
  trigger: Name.optional(),
  /** Runs at the same time. */
  concurrency: z.int().min(1).max(100).default(1),
  /** Which instants get a run although they have one. */
  again: z.enum(againModes).default('none'),
  order: z.enum(orders).default('oldest'),
})

export const BackfillWire = z
  .object({
    id: z.string(),
    pipeline: z.string(),
    trigger: z.string(),
    from: Instant,
    to: Instant,
    again: z.enum(againModes),
    order: z.enum(orders),
    concurrency: z.int(),
    actor: z.string(),
    createdAt: Instant,
    endedAt: Instant.optional(),
    cancelled: z.object({ at: Instant, by: z.string() }).optional(),
    /** Why it could not go on. */
    error: z.string().optional(),
    /** Instants in all, those that have been looked at, and those of them that kept the run that they had. */
    total: z.int(),
    looked: z.int(),
    kept: z.int(),
    /** How many of its runs are in which state. */
    runs: z.partialRecord(z.enum(runStates), z.int()),
  })
  .meta({ title: 'Backfill' })
export const BackfillPage = pageOf(BackfillWire)

/** What would become of each instant: `isRun`, or the run that there is stays. */
export const BackfillPlan = z.object({
  items: z.array(
    z.object({
      instant: Instant,
      run: z.object({ id: z.string(), state: z.enum(runStates) }).optional(),
      isRun: z.boolean(),
    }),
  ),
})

export const BackfillsParams = z.object({ project: Name, pipeline: Name })
export const BackfillParams = z.object({ project: Name, backfill: z.string().max(100) })
export const BackfillQuery = PageQuery
