import { z } from 'zod'
import { Digest, Instant } from '#kernel/wire.ts'
import { AssessmentWire, TraceWire } from './wire.ts'

/* Traces of other ledgers, as JSON. */

/** `tr-` and 32 hex digits are MLflow's; older clients have others. */
export const TraceId = z.string().regex(/^[A-Za-z0-9][\w-]{0,127}$/)

const TallyWire = z
  .object({ count: z.int(), digest: z.string() })
  .meta({ description: 'Count of what is kept here, and a digest that does not depend on the order.' })

export const ImportTrace = TraceWire.omit({ id: true, assessments: true })
  .extend({ assessments: z.array(AssessmentWire.omit({ traceId: true })).max(10_000) })
  .meta({ title: 'ImportTrace' })

export const ImportedTraceSummary = z
  .object({
    trace: TraceWire,
    artifactUri: z.string(),
    spans: z.object({ count: z.int(), digest: z.string() }).meta({
      description: 'Count of the spans that are kept here, and a digest that does not depend on their order.',
    }),
  })
  .meta({ title: 'TraceSummary' })

export const tracesPerRequest = 100
export const TraceIds = z.object({ traces: z.array(TraceId).max(tracesPerRequest) })
export const TraceSummaries = z.object({ items: z.array(ImportedTraceSummary) })
export const TraceFiles = z.object({ items: z.array(z.object({ path: z.string(), digest: Digest, size: z.int() })) })

export const DatasetId = z.string().regex(/^[A-Za-z0-9][\w-]{0,127}$/)

const Types = z.record(z.string(), z.string())
const User = z.string().max(500).optional()

export const ImportDataset = z
  .object({
    name: z.string().min(1).max(500),
    digest: z.string().max(64),
    schema: z
      .object({
        inputs: Types,
        outputs: z.union([z.string(), Types]),
        expectations: Types,
        version: z.literal('1.0'),
      })
      .optional(),
    tags: Types,
    experimentIds: z.array(z.string().max(20)).max(1_000),
    createdAt: Instant,
    updatedAt: Instant,
    createdBy: User,
    updatedBy: User,
  })
  .meta({ title: 'ImportEvaluationDataset' })

const Members = z.record(z.string(), z.json())
export const ImportRecords = z
  .object({
    records: z
      .array(
        z.object({
          id: z.string().regex(/^[\w-]{1,128}$/),
          inputs: Members,
          outputs: z.json().optional(),
          expectations: Members.optional(),
          tags: Members.optional(),
          source: Members.optional(),
          createdAt: Instant,
          updatedAt: Instant,
          createdBy: User,
          updatedBy: User,
        }),
      )
      .max(1_000),
  })
  .meta({ title: 'ImportEvaluationRecords' })

export const ImportedDatasetSummary = ImportDataset.extend({ id: z.string(), records: TallyWire }).meta({
  title: 'EvaluationDatasetSummary',
})
