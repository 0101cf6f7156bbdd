import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Tracer } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Visit } from './visit.ts'

/** Tells a collector of requests for predictions as spans [OpenTelemetry, OTLP over HTTP]. */
export interface Tracing {
  /** Answers the id of the trace when the request is in one that is recorded. */
  tell(visit: Visit): string | undefined
  /** Resolves when all that was told is sent, or cannot be. */
  close(): Promise<void>
}

export interface TracingSettings {
  /** Base of the collector's address, as in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string
  /** Share of the requests that are recorded, of those whose client has not decided. */
  readonly share: number
}

export function openTracing({ url, share }: TracingSettings, version: string): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${url.replace(/\/$/, '')}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'trainyard-serving', 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('trainyard.serving', version)
  return {
    tell: visit => (visit.course.protocol === undefined ? undefined : record(tracer, visit)),
    close: () => provider.shutdown(),
  }
}

const propagator = new W3CTraceContextPropagator()
const carrier = {
  get: (visit: Visit, name: string) => (name === 'traceparent' ? visit.traceparent : visit.tracestate),
  keys: () => ['traceparent', 'tracestate'],
}

/** One span for the request, and under it one for its inputs, with their look-up, one for its run and one for its answer. */
function record(tracer: Tracer, visit: Visit): string | undefined {
  const { course, status, endedAt } = visit
  const { startedAt, boundAt, ranAt } = course
  const parent = visit.traceparent === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, visit, carrier)
  const options = { kind: SpanKind.SERVER, startTime: startedAt, attributes: attributesOf(visit) }
  const span = tracer.startSpan(`predict ${course.deployment ?? ''}`.trimEnd(), options, parent)
  if (!span.isRecording()) return undefined
  const inside = trace.setSpan(parent, span)
  child(tracer, inside, { name: 'bind', from: startedAt, to: boundAt })
  if (boundAt !== undefined) child(tracer, inside, { name: 'run', from: boundAt, to: ranAt })
  if (ranAt !== undefined) child(tracer, inside, { name: 'answer', from: ranAt, to: endedAt })
  // A client's mistake is no error of a server [semantic conventions, HTTP spans].
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(endedAt)
  return span.spanContext().traceId
}

interface Stage {
  readonly name: string
  readonly from: number
  /** Undefined: it did not come to its end. */
  readonly to: number | undefined
}

function child(tracer: Tracer, inside: Context, { name, from, to }: Stage): void {
  if (to !== undefined) tracer.startSpan(name, { startTime: from }, inside).end(to)
}

function attributesOf({ id, method, path, status, course }: Visit): Record<string, string | number> {
  const { protocol, deployment, revision, rows, predictionId } = course
  return {
    'http.request.method': method,
    'url.path': path,
    'http.response.status_code': status,
    'trainyard.request_id': id,
    'trainyard.protocol': protocol!,
    ...(deployment !== undefined && { 'trainyard.deployment': deployment }),
    ...(revision && { 'trainyard.revision': revision.id, 'trainyard.model_version': revision.version }),
    ...(rows !== undefined && { 'trainyard.rows': rows }),
    ...(predictionId !== undefined && { 'trainyard.prediction_id': predictionId }),
  }
}
