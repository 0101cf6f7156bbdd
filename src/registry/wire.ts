import { z } from 'zod'
import { Digest, idOf, Instant, pageOf } from '#kernel/wire.ts'

/** Models and their versions as JSON. */

export const stages = ['candidate', 'rejected', 'staging', 'production', 'archived'] as const

export const TensorWire = z
  .object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) })
  .meta({ title: 'Tensor' })
export const SignatureWire = z
  .object({ inputs: z.array(TensorWire), outputs: z.array(TensorWire) })
  .meta({ title: 'Signature' })

export const GateRuleWire = z.object({
  rule: z.string(),
  measured: z.string(),
  required: z.string(),
  passed: z.boolean(),
})

const DifferenceWire = z.object({ difference: z.number(), lower: z.number(), upper: z.number() })

export const SliceWire = z.object({
  column: z.string(),
  value: z.string(),
  rows: z.int(),
  /** The gate's metric in these rows; absent where they leave it undefined. */
  score: z.number().optional(),
  threshold: z.number().optional(),
  difference: DifferenceWire.optional(),
})

export const FairnessWire = z.object({
  column: z.string(),
  measure: z.string(),
  /** Largest difference between two groups; absent where it cannot be measured. */
  difference: z.number().optional(),
  groups: z.int(),
  max: z.number(),
})

export const EvaluationWire = z
  .object({
    metric: z.string(),
    metrics: z.record(z.string(), z.number()),
    rows: z.int(),
    /** Event time of the test rows. */
    from: Instant.optional(),
    to: Instant.optional(),
    /** The champion on the same rows, when there was one. */
    champion: z.object({ version: z.string(), number: z.int(), metrics: z.record(z.string(), z.number()) }).optional(),
    /** Challenger minus champion in mean loss per row, with a 95 % interval by paired bootstrap. Negative is better. */
    difference: DifferenceWire.extend({ loss: z.string() }).optional(),
    /** Increase of the loss when one feature is shuffled [permutation importance, Breiman 2001]. */
    importance: z.record(z.string(), z.number()),
    slices: z.array(SliceWire).optional(),
    fairness: z.array(FairnessWire).optional(),
    /** Milliseconds for one row. */
    latency: z.object({ p50: z.number(), p99: z.number() }).optional(),
    gate: z.object({ passed: z.boolean(), rules: z.array(GateRuleWire) }),
  })
  .meta({ title: 'Evaluation' })

export const TransitionWire = z
  .object({
    id: z.string(),
    from: z.enum(stages),
    to: z.enum(stages),
    actor: z.string(),
    reason: z.string(),
    /** What the version was when it moved; absent of a version whose files are elsewhere. */
    digest: Digest.optional(),
    at: Instant,
  })
  .meta({ title: 'Transition' })

/** What a version's digest names: an ONNX file, a folder (a tree of files), or nothing, as its files are elsewhere. */
export const contents = ['onnx', 'folder', 'none'] as const

export const ModelVersionWire = z
  .object({
    id: idOf<'model_version'>('mdv'),
    project: z.string(),
    model: z.string(),
    /** The model's name for MLflow's clients: `rain.umbrella`. */
    fullName: z.string(),
    version: z.int().positive(),
    stage: z.enum(stages),
    content: z.enum(contents),
    digest: Digest.optional(),
    bytes: z.int().optional(),
    /** The framework that wrote it, by MLflow's names: `onnx`, `sklearn`. */
    flavor: z.string().optional(),
    /** Where whoever registered it found its files. */
    source: z.string(),
    signature: SignatureWire.optional(),
    /** Path among its files of an example of its input. */
    inputExample: z.string().optional(),
    evaluation: EvaluationWire.optional(),
    trainingSet: z.string().optional(),
    /** The run of a pipeline that made it. */
    run: z.string().optional(),
    /** The tracking run, logged model and link that an MLflow client named. */
    trackingRun: z.string().optional(),
    loggedModel: z.string().optional(),
    runLink: z.string().optional(),
    code: Digest.optional(),
    commit: z.string().optional(),
    environment: z.string().optional(),
    description: z.string(),
    tags: z.record(z.string(), z.string()),
    aliases: z.array(z.string()),
    user: z.string(),
    transitions: z.array(TransitionWire),
    createdAt: Instant,
    updatedAt: Instant,
    /** A deleted version is in no list; whatever was made from it still finds it here. */
    deletedAt: Instant.optional(),
  })
  .meta({ title: 'ModelVersion' })
export const ModelVersionPage = pageOf(ModelVersionWire)
export const ModelWire = z
  .object({
    project: z.string(),
    name: z.string(),
    fullName: z.string(),
    description: z.string(),
    /** Production, and the aliases that stand for it, are for versions whose gate passed. */
    gated: z.boolean(),
    versions: z.int(),
    tags: z.record(z.string(), z.string()),
    /** Version number by alias. */
    aliases: z.record(z.string(), z.int()),
    champion: ModelVersionWire.optional(),
    latest: ModelVersionWire.optional(),
  })
  .meta({ title: 'Model' })
export const ModelPage = pageOf(ModelWire)
export const RegisteredModelWire = ModelWire.omit({ champion: true, latest: true })
  .extend({ user: z.string(), createdAt: Instant, updatedAt: Instant })
  .meta({ title: 'RegisteredModel' })
export const RegisteredModelPage = pageOf(RegisteredModelWire)
export const TransitionBody = z.object({ to: z.enum(stages), reason: z.string().min(1).max(1_000) })

export const AliasMoveWire = z
  .object({
    id: z.string(),
    alias: z.string(),
    /** Version numbers; absent where the alias was new, or is gone. */
    from: z.int().optional(),
    to: z.int().optional(),
    actor: z.string(),
    reason: z.string(),
    digest: Digest.optional(),
    at: Instant,
  })
  .meta({ title: 'AliasMove' })
export const AliasMovePage = pageOf(AliasMoveWire)
export const AliasBody = z.object({ version: z.int().positive(), reason: z.string().min(1).max(1_000) })

export const FileList = z.object({
  items: z.array(z.object({ path: z.string(), digest: Digest, size: z.int() })),
})
