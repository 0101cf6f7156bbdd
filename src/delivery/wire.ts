import { z } from 'zod'
import { Instant, Name, pageOf } from '#kernel/wire.ts'

/** CI/CD as JSON. The steps of each are the tasks of a run; these are the summaries. */

export const BuildWire = z
  .object({
    project: Name,
    commit: z.string(),
    subject: z.string(),
    run: z.string(),
    state: z.string(),
    /** Digest of the delivered tree, once delivered. */
    bundle: z.string().optional(),
    at: Instant,
  })
  .meta({ title: 'Build' })
export const BuildList = pageOf(BuildWire)
