import { z } from 'zod'
import { Digest, idOf, Instant, Name, pageOf } from '#kernel/wire.ts'

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

/** Absent: where there is no file. */
export const ConversionWire = z
  .object({
    version: z.string(),
    /** `faster`: the same answers sooner, and what deployments serve. `inexact`: other answers. `none`: there is no file. */
    outcome: z.enum(['faster', 'slower', 'inexact', 'none']),
    reason: z.string(),
    onnx: Digest.optional(),
    bytes: z.int().optional(),
    /** Rows that were compared, and what they are of. */
    rows: z.int().optional(),
    sample: z.enum(['training data', 'example']).optional(),
    maxDelta: z.number().optional(),
    differing: z.int().optional(),
    /** Milliseconds for one row. */
    onnxMs: z.number().optional(),
    pythonMs: z.number().optional(),
    at: Instant,
  })
  .meta({ title: 'Conversion' })

export const BuildList = pageOf(BuildWire)
