import { invalid } from '#kernel/error.ts'
import type { AnyValue, Attribute, OtlpSpan } from './otlp-message.ts'

export type SpanStatus = 'UNSET' | 'OK' | 'ERROR'

/** One timed step of a trace, as it is kept. Sent again, it takes the place of what was there. */
export interface Span {
  /** `tr-` and the 32 hex digits of the OpenTelemetry trace. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly id: string
  /** Absent on a root. */
  readonly parentId?: string
  readonly name: string
  /** From attribute `mlflow.spanType`; `UNKNOWN` where there is none. */
  readonly type: string
  readonly status: SpanStatus
  /** Nanoseconds since the epoch; more than a double holds exactly. */
  readonly start: bigint
  readonly end?: bigint
  /** The span as OTLP in JSON, with snake_case names: what clients read, byte for byte. */
  readonly content: string
}

/** A span as it arrived, with what its trace is made from. */
export interface ArrivedSpan extends Span {
  readonly attributes: ReadonlyMap<string, unknown>
  /** Attributes of the process that sent it. */
  readonly resource: ReadonlyMap<string, unknown>
}

const statuses: Readonly<Record<number, SpanStatus>> = { 1: 'OK', 2: 'ERROR' }
const nanosMax = 2n ** 63n - 1n

/** Throws `invalid` on ids that are not 16 and 8 bytes long, or zero [OpenTelemetry, trace API, SpanContext]. */
export function arrived(sent: OtlpSpan, resource: ReadonlyMap<string, unknown>): ArrivedSpan {
  const traceId = `tr-${hexOf('trace_id', sent.trace_id, 16)}`
  const id = hexOf('span_id', sent.span_id, 8)
  const attributes = new Map(sent.attributes.map(({ key, value }) => [clean(key), plainValue(value)]))
  attributes.set('mlflow.traceRequestId', traceId)
  const type = attributes.get('mlflow.spanType')
  const end = BigInt(sent.end_time_unix_nano.toString())
  return {
    traceId,
    id,
    ...(sent.parent_span_id.length === 0 ? {} : { parentId: hexOf('parent_span_id', sent.parent_span_id, 8) }),
    name: clean(sent.name),
    type: typeof type === 'string' && type !== '' ? type : 'UNKNOWN',
    status: statuses[sent.status?.code ?? 0] ?? 'UNSET',
    start: atMost(BigInt(sent.start_time_unix_nano.toString())),
    ...(end === 0n ? {} : { end: atMost(end) }),
    content: JSON.stringify(contentOf(sent, traceId)),
    attributes,
    resource,
  }
}

/** Attributes as JSON values. Of a key that is there twice, the last counts. */
export const attributesOf = (attributes: readonly Attribute[]): ReadonlyMap<string, unknown> =>
  new Map(attributes.map(({ key, value }) => [clean(key), plainValue(value)]))

const atMost = (nanos: bigint): bigint => (nanos > nanosMax ? nanosMax : nanos)

function hexOf(field: string, bytes: Uint8Array, length: number): string {
  if (bytes.length !== length || bytes.every(byte => byte === 0))
    throw invalid('Cannot read an OpenTelemetry span.', [
      { field, value: Buffer.from(bytes.subarray(0, 32)).toString('hex'), allowed: `${length} bytes, not all zero` },
    ])
  return Buffer.from(bytes).toString('hex')
}

/** Text that both databases keep: without NUL, which PostgreSQL refuses, and without half surrogates. */
export const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed()

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function contentOf(sent: OtlpSpan, traceId: string): object {
  const own = sent.attributes.filter(({ key }) => key !== 'mlflow.traceRequestId')
  const end = sent.end_time_unix_nano.toString()
  return {
    trace_id: base64(sent.trace_id),
    span_id: base64(sent.span_id),
    ...(sent.parent_span_id.length === 0 ? {} : { parent_span_id: base64(sent.parent_span_id) }),
    name: clean(sent.name),
    start_time_unix_nano: sent.start_time_unix_nano.toString(),
    ...(end === '0' ? {} : { end_time_unix_nano: end }),
    attributes: [{ key: 'mlflow.traceRequestId', value: { string_value: traceId } }, ...own.map(keyValue)],
    events: sent.events.map(event => ({
      time_unix_nano: event.time_unix_nano.toString(),
      name: clean(event.name),
      attributes: event.attributes.map(keyValue),
    })),
    ...(sent.links.length === 0 ? {} : { links: sent.links.map(linkOf) }),
    status: {
      code: `STATUS_CODE_${statuses[sent.status?.code ?? 0] ?? 'UNSET'}`,
      ...(sent.status?.message ? { message: clean(sent.status.message) } : {}),
    },
  }
}

const linkOf = ({ trace_id, span_id, attributes }: OtlpSpan['links'][number]): object => ({
  trace_id: base64(trace_id),
  span_id: base64(span_id),
  attributes: attributes.map(keyValue),
})

const keyValue = ({ key, value }: Attribute): object => ({ key: clean(key), value: value ? wireValue(value) : {} })

/** An attribute's value in protobuf's JSON: 64-bit integers as text, bytes in base64, NaN by name. */
function wireValue(value: AnyValue): object {
  const has = (field: keyof AnyValue): boolean => Object.hasOwn(value, field)
  if (has('string_value')) return { string_value: clean(value.string_value!) }
  if (has('bool_value')) return { bool_value: value.bool_value }
  if (has('int_value')) return { int_value: value.int_value!.toString() }
  if (has('double_value'))
    return { double_value: Number.isFinite(value.double_value) ? value.double_value : String(value.double_value) }
  if (has('array_value')) return { array_value: { values: value.array_value!.values.map(wireValue) } }
  if (has('kvlist_value')) return { kvlist_value: { values: value.kvlist_value!.values.map(keyValue) } }
  if (has('bytes_value')) return { bytes_value: base64(value.bytes_value!) }
  return {}
}

/** The value as plain JSON; integers beyond 2^53 lose their last digits. */
function plainValue(value: AnyValue | undefined): unknown {
  const wire = value ? wireValue(value) : {}
  return fromWire(wire as WireValue)
}

/** A value as {@link Span.content} has it. */
export interface WireValue {
  readonly string_value?: string
  readonly bool_value?: boolean
  readonly int_value?: string
  readonly double_value?: number | string
  readonly array_value?: { readonly values: readonly WireValue[] }
  readonly kvlist_value?: { readonly values: readonly { readonly key: string; readonly value: WireValue }[] }
  readonly bytes_value?: string
}

export function fromWire(value: WireValue): unknown {
  if (value.int_value !== undefined) return Number(value.int_value)
  if (value.array_value) return value.array_value.values.map(fromWire)
  if (value.kvlist_value)
    return Object.fromEntries(value.kvlist_value.values.map(({ key, value: inner }) => [key, fromWire(inner)]))
  return value.string_value ?? value.bool_value ?? value.double_value ?? value.bytes_value ?? null
}
