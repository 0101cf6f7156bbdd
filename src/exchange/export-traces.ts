import { join } from 'node:path'
import { folderNameOf, type ExportWriter } from './export-writer.ts'
import type { Progress } from './progress.ts'
import type { CarriedAssessment, CarriedExperiment, CarriedTrace, Source } from './record.ts'

/** Writes the traces of an experiment with their spans, files and what is said of them. Answers how many there are. */
export async function exportTraces(
  source: Source,
  writer: ExportWriter,
  { experiment, progress }: { experiment: CarriedExperiment; progress: Progress },
): Promise<number> {
  let count = 0
  for await (const traces of source.traces(experiment))
    for (const trace of traces) {
      await exportTrace(source, writer, { trace, experiment: experiment.id })
      progress.trace()
      count++
    }
  return count
}

async function exportTrace(
  source: Source,
  writer: ExportWriter,
  { trace, experiment }: { trace: CarriedTrace; experiment: string },
): Promise<void> {
  const { id: trace_id, metadata, tags, assessments } = trace
  await writer.row('traces', {
    trace_id,
    experiment_id: experiment,
    client_request_id: trace.clientRequestId,
    state: trace.state,
    requested_at: trace.requestedAt,
    duration_ms: trace.durationMs,
    request_preview: trace.requestPreview,
    response_preview: trace.responsePreview,
    metadata: JSON.stringify(metadata),
    tags: JSON.stringify(tags),
  })
  for (const assessment of assessments) await writer.row('assessments', assessmentRow(trace_id, assessment))
  const { spans, files } = await source.traceContent(trace)
  for (const span of spans) await writer.row('spans', spanRow(trace_id, span))
  const folder = join('artifacts', experiment, 'traces', folderNameOf(trace_id), 'artifacts')
  await writer.files({ kind: 'trace', id: trace_id, folder }, files)
}

/** A span of OpenTelemetry as protobuf's JSON has it; its lists are kept in that form. */
interface SpanJson {
  readonly span_id?: string
  readonly parent_span_id?: string
  readonly name?: string
  readonly start_time_unix_nano?: string | number
  readonly end_time_unix_nano?: string | number
  readonly status?: object
  readonly attributes?: readonly object[]
  readonly events?: readonly object[]
  readonly links?: readonly object[]
}

function spanRow(trace_id: string, span: SpanJson): Parameters<ExportWriter['row']>[1] {
  return {
    trace_id,
    span_id: hexOf(span.span_id),
    parent_span_id: hexOf(span.parent_span_id),
    name: span.name,
    start_time_unix_nano: span.start_time_unix_nano,
    end_time_unix_nano: span.end_time_unix_nano,
    status: JSON.stringify(span.status ?? {}),
    attributes: JSON.stringify(span.attributes ?? []),
    events: JSON.stringify(span.events ?? []),
    links: JSON.stringify(span.links ?? []),
  }
}

/** Bytes are base64 in protobuf's JSON; everybody else writes ids of spans in hex, assessments too. */
const hexOf = (base64: string | undefined): string | undefined =>
  base64 ? Buffer.from(base64, 'base64').toString('hex') : undefined

const assessmentRow = (
  trace_id: string,
  { id, spanId, source, error, metadata, createdAt, updatedAt, valid, ...words }: CarriedAssessment,
): Parameters<ExportWriter['row']>[1] => ({
  assessment_id: id,
  trace_id,
  span_id: spanId,
  ...words,
  error: error && JSON.stringify(error),
  source_type: source?.type,
  source_id: source?.id,
  metadata: metadata && JSON.stringify(metadata),
  valid: String(valid),
  created_at: createdAt,
  updated_at: updatedAt,
})
