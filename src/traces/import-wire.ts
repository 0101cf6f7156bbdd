import { z } from 'zod'
import { Digest } from '#kernel/wire.ts'
import { AssessmentWire, TraceWire } from './wire.ts'

/* Traces of other ledgers, as JSON. */

/** `tr-` and 32 hex digits are MLflow's; older clients have others. */
export const TraceId = z.string().regex(/^[A-Za-z0-9][\w-]{0,127}$/)

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
