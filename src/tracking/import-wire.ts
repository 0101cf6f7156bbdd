import { z } from 'zod'
import { Digest, Instant, Int64Wire } from '#kernel/wire.ts'
import { loggedModelStatuses } from './logged-model.ts'
import { runStatuses } from './tracking-run.ts'

const text = (most: number) => z.string().max(most)
const KeyText = z.object({ key: text(500), value: text(200_000) })
const Lifecycle = z.enum(['active', 'deleted'])
const TallyWire = z
  .object({ count: z.int(), digest: z.string() })
  .meta({ description: 'Count, and a digest that does not depend on the order.' })

/** 32 hex digits are MLflow's; older and foreign systems have others. */
export const RunId = z.string().regex(/^[\w-]{1,64}$/)
export const ModelId = z.string().regex(/^m-[\w-]{1,64}$/)
const ExperimentId = z.string().regex(/^\d{1,15}$/)

export const ImportExperiment = z.object({
  name: text(500).min(1),
  createdAt: Instant,
  updatedAt: Instant,
  tags: z.array(KeyText).max(10_000),
})
export const ImportedExperiment = z.object({ id: ExperimentId, name: z.string() })
export const ExperimentSummary = z.object({
  id: ExperimentId,
  name: z.string(),
  lifecycle: Lifecycle,
  tags: z.array(KeyText),
})
export const EndExperiment = z.object({ lifecycle: Lifecycle, updatedAt: Instant })

export const ImportRun = z.object({
  experimentId: ExperimentId,
  name: text(10_000),
  user: text(1_000),
  startedAt: Instant,
  params: z.array(KeyText).max(100_000),
  tags: z.array(KeyText).max(100_000),
  datasets: z
    .array(
      z.object({
        name: text(500),
        digest: text(200),
        sourceType: text(200),
        source: text(200_000),
        schema: text(2_000_000).optional(),
        profile: text(20_000_000).optional(),
        tags: z.array(KeyText).max(100),
      }),
    )
    .max(10_000),
  links: z.array(z.object({ direction: z.enum(['input', 'output']), model: text(100), step: Int64Wire })).max(10_000),
})

export const pointsPerRequest = 10_000
/** `[key, step, timestamp, value]`; the value is a number or the text `NaN`. */
export const ImportPoints = z.object({
  points: z
    .array(z.tuple([text(500), Int64Wire, z.int(), z.union([z.number(), z.literal('NaN')])]))
    .max(pointsPerRequest),
})

export const EndRun = z.object({
  status: z.enum(runStatuses),
  lifecycle: Lifecycle,
  endedAt: Instant.optional(),
})

export const ImportLoggedModel = z.object({
  experimentId: ExperimentId,
  name: text(500),
  modelType: text(500).optional(),
  sourceRun: text(100).optional(),
  status: z.enum(loggedModelStatuses),
  createdAt: z.int(),
  updatedAt: z.int(),
  params: z.array(KeyText).max(10_000),
  tags: z.array(KeyText).max(10_000),
  points: z
    .array(
      z.object({
        key: text(500),
        step: Int64Wire,
        timestamp: z.int(),
        value: z.union([z.number(), z.literal('NaN')]),
        run: text(100),
        datasetName: text(500).optional(),
        datasetDigest: text(200).optional(),
      }),
    )
    .max(100_000),
})

export const ImportedFiles = z.object({ items: z.array(z.object({ path: z.string(), digest: Digest, size: z.int() })) })

export const RunSummary = z.object({
  id: z.string(),
  experimentId: z.string(),
  artifactUri: z.string(),
  name: z.string(),
  user: z.string(),
  status: z.enum(runStatuses),
  lifecycle: Lifecycle,
  startedAt: Instant,
  endedAt: Instant.optional(),
  params: TallyWire,
  tags: TallyWire,
  points: TallyWire,
  datasets: TallyWire,
  links: TallyWire,
})
export const summariesPerRequest = 100
export const RunIds = z.object({ runs: z.array(RunId).max(summariesPerRequest) })
export const RunSummaries = z.object({ items: z.array(RunSummary) })

export const LoggedModelSummary = z.object({
  id: z.string(),
  experimentId: z.string(),
  artifactUri: z.string(),
  name: z.string(),
  modelType: z.string().optional(),
  sourceRunId: z.string().optional(),
  status: z.enum(loggedModelStatuses),
  createdAt: z.int(),
  updatedAt: z.int(),
  params: TallyWire,
  tags: TallyWire,
  points: TallyWire,
})
