import { z } from 'zod'
import { idOf, Instant, Name, pageOf } from '#kernel/wire.ts'

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
export const ReleaseBody = z.object({
  /** Id of the model version. */
  version: idOf<'model_version'>('mdv'),
  reason: z.string().min(1).max(1_000),
  /** Percent of requests while it proves itself. Of a deployment that the project declares, the project says it. */
  weight: z.number().min(1).max(100).default(10),
})
/** The run that brings it in; none when the deployment answers with that version already. */
export const ReleaseWire = z.object({ run: z.string().optional() }).meta({ title: 'Release' })

export const BuildList = pageOf(BuildWire)
