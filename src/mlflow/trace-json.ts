import { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import { invalid } from '#kernel/error.ts'
import {
  traceStates,
  type Assessment,
  type AssessmentDraft,
  type AssessmentKind,
  type Labels,
  type Trace,
  type TraceDraft,
  type TraceState,
} from '#traces'
import { flag, id, int64, many } from './field.ts'

/** Traces and assessments in MLflow's JSON, of version 3: instants as RFC 3339, durations as `0.114s`, tags as maps. */

const Instant = z
  .string()
  .refine(text => Number.isFinite(Date.parse(text)), 'a time as 2026-01-31T12:00:00.123Z is allowed')
  .transform(text => Date.parse(text) as Millis)

const Duration = z
  .string()
  .regex(/^-?\d{1,12}(\.\d{1,9})?s$/, 'seconds as 0.114s are allowed')
  .transform(text => Math.round(Number(text.slice(0, -1)) * 1000))

/** The name of a state, or its number in MLflow's protobuf. */
const numbered: readonly TraceState[] = ['STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS']
export const State = z.union([
  z.enum(traceStates),
  z
    .int()
    .min(0)
    .max(3)
    .transform(number => numbered[number]!),
])

export const LabelMap = z.record(z.string(), z.string()).default({})

const WireError = z.object({
  error_code: z.string().optional(),
  error_message: z.string().optional(),
  stack_trace: z.string().optional(),
})

/** What of an assessment may be changed; all of it may be absent. */
export const AssessmentFields = z.object({
  assessment_name: z.string().min(1).max(250).optional(),
  feedback: z.object({ value: z.json().optional(), error: WireError.optional() }).optional(),
  expectation: z
    .object({
      value: z.json().optional(),
      serialized_value: z.object({ serialization_format: z.string().default(''), value: z.string() }).optional(),
    })
    .optional(),
  issue: z.object({ issue_name: z.string() }).optional(),
  error: WireError.optional(),
  rationale: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  valid: flag.optional(),
})

export const AssessmentInput = AssessmentFields.extend({
  assessment_name: z.string().min(1).max(250),
  assessment_id: z.string().max(100).optional(),
  span_id: z.string().max(100).optional(),
  source: z.object({ source_type: z.string().max(100), source_id: z.string().max(1000).default('') }).optional(),
  create_time: Instant.optional(),
  last_update_time: Instant.optional(),
  overrides: z.string().max(100).optional(),
})

type Fields = z.output<typeof AssessmentFields>

/** Kind, value and error, as far as they were sent. Throws `invalid` on two kinds at once. */
export function assessedValue(fields: Fields): {
  kind?: AssessmentKind
  value?: string
  error?: NonNullable<Assessment['error']>
} {
  const { feedback, expectation, issue } = fields
  if ([feedback, expectation, issue].filter(Boolean).length > 1)
    throw invalid('Exactly one of feedback, expectation and issue should be specified.')
  const sent = feedback?.error ?? fields.error
  const error = sent && {
    error: {
      ...(sent.error_code === undefined ? {} : { code: sent.error_code }),
      ...(sent.error_message === undefined ? {} : { message: sent.error_message }),
      ...(sent.stack_trace === undefined ? {} : { stackTrace: sent.stack_trace }),
    },
  }
  if (feedback) return { kind: 'feedback', value: JSON.stringify(feedback.value ?? null), ...error }
  if (issue) return { kind: 'issue', value: JSON.stringify(issue.issue_name) }
  if (!expectation) return { ...error }
  const { serialized_value: serialized, value } = expectation
  return { kind: 'expectation', value: serialized ? canonical(serialized.value) : JSON.stringify(value ?? null) }
}

function canonical(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    throw invalid('The value of the expectation is no JSON.', [
      { field: 'assessment.expectation.serialized_value.value', value: text, allowed: 'JSON text' },
    ])
  }
}

export function assessmentDraft(fields: z.output<typeof AssessmentInput>): AssessmentDraft {
  const { kind, value, error } = assessedValue(fields)
  if (kind === undefined || value === undefined)
    throw invalid("Missing value for required parameter 'assessment': feedback, expectation or issue.")
  return {
    id: fields.assessment_id || undefined,
    name: fields.assessment_name,
    kind,
    value,
    ...(error ? { error } : {}),
    ...(fields.span_id ? { spanId: fields.span_id } : {}),
    ...(fields.source ? { source: { type: fields.source.source_type, id: fields.source.source_id } } : {}),
    ...(fields.rationale === undefined ? {} : { rationale: fields.rationale }),
    ...(fields.metadata ? { metadata: fields.metadata } : {}),
    ...(fields.overrides ? { overrides: fields.overrides } : {}),
    valid: fields.valid ?? true,
    createdAt: fields.create_time,
    updatedAt: fields.last_update_time,
  }
}

export function assessmentJson(assessment: Assessment): object {
  const { error, source } = assessment
  return {
    assessment_id: assessment.id,
    assessment_name: assessment.name,
    trace_id: assessment.traceId,
    span_id: assessment.spanId,
    source: source && { source_type: source.type, source_id: source.id },
    create_time: isoTime(assessment.createdAt),
    last_update_time: isoTime(assessment.updatedAt),
    [assessment.kind]: valueJson(assessment, error && errorJson(error)),
    rationale: assessment.rationale,
    metadata: assessment.metadata,
    overrides: assessment.overrides,
    valid: assessment.valid,
  }
}

function valueJson({ kind, value: text }: Assessment, error: object | undefined): object {
  const value: unknown = JSON.parse(text)
  if (kind === 'issue') return { issue_name: value }
  if (kind === 'feedback') return { value, error }
  // MLflow's clients read a list or an object from its text.
  return value !== null && typeof value === 'object'
    ? { serialized_value: { serialization_format: 'JSON_FORMAT', value: text } }
    : { value }
}

const errorJson = ({ code, message, stackTrace }: NonNullable<Assessment['error']>): object => ({
  error_code: code,
  error_message: message,
  stack_trace: stackTrace,
})

export const TraceInput = z.object({
  trace_id: z.string(),
  client_request_id: z.string().max(1000).optional(),
  trace_location: z.object({ mlflow_experiment: z.object({ experiment_id: id }) }),
  request_preview: z.string().optional(),
  response_preview: z.string().optional(),
  request_time: Instant,
  execution_duration: Duration.optional(),
  state: State.default('STATE_UNSPECIFIED'),
  trace_metadata: LabelMap,
  assessments: many(AssessmentInput),
  tags: LabelMap,
})

export function traceDraft(info: z.output<typeof TraceInput>): TraceDraft {
  return {
    id: info.trace_id,
    experimentId: info.trace_location.mlflow_experiment.experiment_id,
    ...(info.client_request_id === undefined ? {} : { clientRequestId: info.client_request_id }),
    ...(info.request_preview === undefined ? {} : { requestPreview: info.request_preview }),
    ...(info.response_preview === undefined ? {} : { responsePreview: info.response_preview }),
    requestedAt: info.request_time,
    ...(info.execution_duration === undefined ? {} : { durationMs: info.execution_duration }),
    state: info.state,
    metadata: info.trace_metadata,
    tags: info.tags,
    assessments: info.assessments.map(assessmentDraft),
  }
}

export const traceJson = (trace: Trace): object => ({
  trace_id: trace.id,
  client_request_id: trace.clientRequestId,
  trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: trace.experimentId } },
  request_preview: trace.requestPreview,
  response_preview: trace.responsePreview,
  request_time: isoTime(trace.requestedAt),
  execution_duration: trace.durationMs === undefined ? undefined : `${(trace.durationMs / 1000).toFixed(3)}s`,
  state: trace.state,
  trace_metadata: trace.metadata,
  assessments: trace.assessments.length === 0 ? undefined : trace.assessments.map(assessmentJson),
  tags: trace.tags,
})

/** Text of a trace with spans, whose own texts go in as they are. */
export const wholeJson = ({ trace, spans }: { trace: Trace; spans: readonly string[] }): string =>
  `{"trace_info":${JSON.stringify(traceJson(trace))},"spans":[${spans.join(',')}]}`

/** The older form of a trace: instants in milliseconds, tags as pairs. */
export const traceJsonV2 = (trace: Trace): object => ({
  request_id: trace.id,
  experiment_id: trace.experimentId,
  timestamp_ms: trace.requestedAt,
  execution_time_ms: trace.durationMs,
  status: trace.state === 'STATE_UNSPECIFIED' ? 'TRACE_STATUS_UNSPECIFIED' : trace.state,
  request_metadata: pairs(trace.metadata),
  tags: pairs(trace.tags),
})

const pairs = (labels: Labels): readonly object[] => Object.entries(labels).map(([key, value]) => ({ key, value }))

/** JavaScript writes years beyond 9999 with a sign, which nobody else reads. */
const isoTime = (at: number): string =>
  new Date(Math.min(Math.max(at, -62_135_596_800_000), 253_402_300_799_999)).toISOString()

export const Millisecond = int64.transform(ms => ms as Millis)
