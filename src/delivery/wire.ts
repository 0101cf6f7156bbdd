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

/**
 * `begin`: it takes its first share. `advance`: it takes more. `found`: it has another share than was decided, which a person
 * gave it, or a step that was interrupted. `hold`: somebody has to decide.
 */
export const canaryMoves = ['begin', 'advance', 'found', 'hold', 'promote', 'roll_back'] as const

/** What was decided of a canary, and all that it was decided on. */
export const CanaryMoveWire = z
  .object({
    run: z.string(),
    revision: z.string(),
    move: z.enum(canaryMoves),
    weight: z.number().meta({ description: 'Percent of requests that it takes from then on.' }),
    at: Instant,
    actor: z.string(),
    reason: z.string(),
    /** Since the canary began; requests that named their revision are not counted. */
    since: Instant,
    requests: z.int(),
    errors: z.int(),
    controlRequests: z.int(),
    controlErrors: z.int(),
    slow: z.int(),
    controlSlow: z.int(),
    late: z.int().meta({ description: 'Answers that took three times as long as was promised.' }),
    controlLate: z.int(),
    burn: z.number().meta({ description: 'How many times as fast as it lasts both spent the error budget.' }),
    verdict: z.enum(['continue', 'reject', 'pass']),
    evidence: z.number().meta({
      description:
        'Log-likelihood ratio of the sequential test of failures, in nats: 5.25 rejects the canary, −2.99 lets it pass.',
    }),
    slowEvidence: z.number().meta({ description: 'The same of slow answers.' }),
    policy: z.string().meta({ description: 'Digest of what the project declared of canaries then.' }),
  })
  .meta({ title: 'CanaryMove' })
export const CanaryMoveList = z.object({ items: z.array(CanaryMoveWire) })

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
