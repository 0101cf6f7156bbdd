import { z } from 'zod'
import { Instant, pageOf } from '#kernel/wire.ts'

/** Traces as JSON. */

const Labels = z.record(z.string(), z.string())

export const AssessmentWire = z
  .object({
    id: z.string(),
    traceId: z.string(),
    spanId: z.string().optional(),
    name: z.string(),
    kind: z.enum(['feedback', 'expectation', 'issue']),
    /** JSON text. */
    value: z.string(),
    error: z
      .object({ code: z.string().optional(), message: z.string().optional(), stackTrace: z.string().optional() })
      .optional(),
    source: z.object({ type: z.string(), id: z.string() }).optional(),
    rationale: z.string().optional(),
    metadata: Labels.optional(),
    overrides: z.string().optional(),
    valid: z.boolean(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ title: 'Assessment' })

export const TraceWire = z
  .object({
    id: z.string(),
    experimentId: z.string(),
    clientRequestId: z.string().optional(),
    requestPreview: z.string().optional(),
    responsePreview: z.string().optional(),
    requestedAt: Instant,
    durationMs: z.int().optional(),
    state: z.enum(['STATE_UNSPECIFIED', 'IN_PROGRESS', 'OK', 'ERROR']),
    metadata: Labels,
    tags: Labels,
    assessments: z.array(AssessmentWire),
  })
  .meta({ title: 'Trace' })
export const TracePage = pageOf(TraceWire)

/** `spans` are JSON texts of OTLP spans: nanoseconds in them are decimal text. Roots first, then by start. */
export const WholeTraceWire = z.object({ trace: TraceWire, spans: z.array(z.string()) }).meta({ title: 'WholeTrace' })

/** `filter` and `order` as MLflow's search_traces takes them, with OR, parentheses and IS NULL. */
export const TraceQuery = z.object({
  filter: z.string().max(64_000).optional(),
  order: z.string().max(1_000).optional(),
  limit: z.int().min(1).max(500).default(50),
  after: z.string().max(64_000).optional(),
})
