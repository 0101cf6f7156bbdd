import { canonicalJson } from '#kernel/json.ts'
import type { Assessment } from './assessment.ts'
import { readSpans } from './ingest.ts'
import { clean } from './span.ts'
import type { Trace } from './trace.ts'
import { labelsOf, type Labels } from './label.ts'

/* What the two sides of an import are compared by: what makes a trace, a span, … the same one. */

/** The spans of an OpenTelemetry request, each as it would be kept. */
export const spanFacts = (bytes: Uint8Array): readonly (readonly unknown[])[] =>
  readSpans(bytes).map(({ content }) => keptSpanFacts(content))

/** A span as it is kept. */
export const keptSpanFacts = (content: string): readonly unknown[] => [content]

type Head = Omit<Trace, 'id' | 'experimentId' | 'metadata' | 'tags' | 'assessments'>

export const traceFacts = (trace: Head): Readonly<Record<keyof Head, string | number | undefined>> => ({
  clientRequestId: trace.clientRequestId,
  requestPreview: trace.requestPreview && clean(trace.requestPreview),
  responsePreview: trace.responsePreview && clean(trace.responsePreview),
  requestedAt: trace.requestedAt,
  durationMs: trace.durationMs,
  state: trace.state,
})

export const labelFacts = (labels: Labels): readonly (readonly unknown[])[] => Object.entries(labelsOf(labels))

export const assessmentFacts = ({ metadata, ...assessment }: Omit<Assessment, 'traceId'>): readonly unknown[] => [
  canonicalJson({ ...assessment, traceId: undefined, metadata: metadata && labelsOf(metadata) }),
]
