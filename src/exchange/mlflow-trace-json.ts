import { traceStates, type Trace } from '#traces'
import type { TagJson } from './mlflow-json.ts'
import type { CarriedAssessment, CarriedTrace } from './record.ts'

/* Traces in MLflow's JSON: of version 3, of version 2, and as a file store has them. */

interface ErrorJson {
  readonly error_code?: string
  readonly error_message?: string
  readonly stack_trace?: string
}

export interface AssessmentJson {
  readonly assessment_id: string
  readonly assessment_name: string
  readonly span_id?: string
  readonly source?: { readonly source_type: string; readonly source_id?: string }
  readonly create_time: string
  readonly last_update_time: string
  readonly feedback?: { readonly value?: unknown; readonly error?: ErrorJson }
  readonly expectation?: { readonly value?: unknown; readonly serialized_value?: { readonly value: string } }
  readonly issue?: { readonly issue_name: string }
  readonly rationale?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly overrides?: string
  readonly valid?: boolean
}

export interface TraceJson {
  readonly trace_id: string
  readonly client_request_id?: string
  readonly request_preview?: string
  readonly response_preview?: string
  readonly request_time: string
  /** `0.114s` */
  readonly execution_duration?: string
  /** Of a file store. */
  readonly execution_duration_ms?: number
  readonly state?: string
  readonly trace_metadata?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
  readonly assessments?: readonly AssessmentJson[]
}

export interface TraceJsonV2 {
  readonly request_id: string
  readonly timestamp_ms?: number
  readonly execution_time_ms?: number
  readonly status?: string
  readonly request_metadata?: readonly TagJson[]
  readonly tags?: readonly TagJson[]
}

export const toTrace = (json: TraceJson): CarriedTrace => ({
  id: json.trace_id,
  ...(json.client_request_id ? { clientRequestId: json.client_request_id } : {}),
  ...(json.request_preview === undefined ? {} : { requestPreview: json.request_preview }),
  ...(json.response_preview === undefined ? {} : { responsePreview: json.response_preview }),
  requestedAt: instant(json.request_time),
  ...duration(
    json.execution_duration === undefined
      ? json.execution_duration_ms
      : Math.round(Number(json.execution_duration.replace(/s$/, '')) * 1_000),
  ),
  state: stateOf(json.state),
  metadata: json.trace_metadata ?? {},
  tags: json.tags ?? {},
  assessments: (json.assessments ?? []).map(toAssessment),
})

export const toTraceV2 = (json: TraceJsonV2): CarriedTrace => ({
  id: json.request_id,
  requestedAt: (json.timestamp_ms ?? 0) as Trace['requestedAt'],
  ...duration(json.execution_time_ms),
  state: stateOf(json.status),
  metadata: labels(json.request_metadata),
  tags: labels(json.tags),
  assessments: [],
})

const instant = (text: string): Trace['requestedAt'] => Date.parse(text) as Trace['requestedAt']
const duration = (ms: number | null | undefined): { durationMs?: number } =>
  typeof ms === 'number' ? { durationMs: ms } : {}
const stateOf = (name: string | undefined): Trace['state'] =>
  traceStates.find(state => state === name) ?? 'STATE_UNSPECIFIED'
const labels = (pairs: readonly TagJson[] | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries((pairs ?? []).map(({ key, value }) => [key, value ?? '']))

function toAssessment(json: AssessmentJson): CarriedAssessment {
  const { source, feedback } = json
  return {
    id: json.assessment_id,
    name: json.assessment_name,
    ...(json.span_id ? { spanId: json.span_id } : {}),
    ...valueOf(json),
    ...(feedback?.error ? { error: errorOf(feedback.error) } : {}),
    ...(source ? { source: { type: source.source_type, id: source.source_id ?? '' } } : {}),
    ...(json.rationale === undefined ? {} : { rationale: json.rationale }),
    ...(json.metadata ? { metadata: json.metadata } : {}),
    ...(json.overrides ? { overrides: json.overrides } : {}),
    valid: json.valid ?? true,
    createdAt: instant(json.create_time),
    updatedAt: instant(json.last_update_time),
  }
}

function valueOf({ feedback, expectation, issue }: AssessmentJson): Pick<CarriedAssessment, 'kind' | 'value'> {
  if (issue) return { kind: 'issue', value: JSON.stringify(issue.issue_name) }
  if (!expectation) return { kind: 'feedback', value: JSON.stringify(feedback?.value ?? null) }
  const { serialized_value: serialized, value } = expectation
  const plain: unknown = serialized ? JSON.parse(serialized.value) : value
  return { kind: 'expectation', value: JSON.stringify(plain ?? null) }
}

const errorOf = ({ error_code, error_message, stack_trace }: ErrorJson): NonNullable<CarriedAssessment['error']> => ({
  ...(error_code === undefined ? {} : { code: error_code }),
  ...(error_message === undefined ? {} : { message: error_message }),
  ...(stack_trace === undefined ? {} : { stackTrace: stack_trace }),
})
