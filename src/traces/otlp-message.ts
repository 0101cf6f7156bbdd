import protobuf from 'protobufjs/light.js'
import { invalid } from '#kernel/error.ts'
import { measureMessage, TooLarge } from '#kernel/protobuf-measure.ts'

/**
 * The message that OpenTelemetry exporters send [opentelemetry-proto 1.x, ExportTraceServiceRequest], described here as
 * far as it is read; fields that are not named are passed over.
 */

export interface AnyValue {
  readonly string_value?: string
  readonly bool_value?: boolean
  readonly int_value?: Int64
  readonly double_value?: number
  readonly array_value?: { readonly values: readonly AnyValue[] }
  readonly kvlist_value?: { readonly values: readonly Attribute[] }
  readonly bytes_value?: Uint8Array
}

/** A 64-bit integer, of which only the decimal text is safe to use. */
interface Int64 {
  toString(): string
}

export interface Attribute {
  readonly key: string
  readonly value?: AnyValue
}

export interface OtlpEvent {
  readonly time_unix_nano: Int64
  readonly name: string
  readonly attributes: readonly Attribute[]
}

export interface OtlpLink {
  readonly trace_id: Uint8Array
  readonly span_id: Uint8Array
  readonly attributes: readonly Attribute[]
}

/** A span as it was sent. Unset fields have their defaults: empty bytes, empty text, zero. */
export interface OtlpSpan {
  readonly trace_id: Uint8Array
  readonly span_id: Uint8Array
  readonly parent_span_id: Uint8Array
  readonly name: string
  readonly start_time_unix_nano: Int64
  readonly end_time_unix_nano: Int64
  readonly attributes: readonly Attribute[]
  readonly events: readonly OtlpEvent[]
  readonly links: readonly OtlpLink[]
  readonly status?: { readonly message: string; readonly code: number } | null
}

/** Spans of one sender, which describes itself by attributes. */
export interface ResourceSpans {
  readonly resource?: { readonly attributes: readonly Attribute[] } | null
  readonly scope_spans: readonly { readonly spans: readonly OtlpSpan[] }[]
}

const field = (id: number, type: string) => ({ id, type })
const repeated = (id: number, type: string) => ({ id, type, rule: 'repeated' })

const description: protobuf.INamespace = {
  nested: {
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            'string_value',
            'bool_value',
            'int_value',
            'double_value',
            'array_value',
            'kvlist_value',
            'bytes_value',
          ],
        },
      },
      fields: {
        string_value: field(1, 'string'),
        bool_value: field(2, 'bool'),
        int_value: field(3, 'int64'),
        double_value: field(4, 'double'),
        array_value: field(5, 'ArrayValue'),
        kvlist_value: field(6, 'KeyValueList'),
        bytes_value: field(7, 'bytes'),
      },
    },
    ArrayValue: { fields: { values: repeated(1, 'AnyValue') } },
    KeyValueList: { fields: { values: repeated(1, 'KeyValue') } },
    KeyValue: { fields: { key: field(1, 'string'), value: field(2, 'AnyValue') } },
    Event: {
      fields: { time_unix_nano: field(1, 'fixed64'), name: field(2, 'string'), attributes: repeated(3, 'KeyValue') },
    },
    Link: {
      fields: { trace_id: field(1, 'bytes'), span_id: field(2, 'bytes'), attributes: repeated(4, 'KeyValue') },
    },
    Status: { fields: { message: field(2, 'string'), code: field(3, 'int32') } },
    Span: {
      fields: {
        trace_id: field(1, 'bytes'),
        span_id: field(2, 'bytes'),
        parent_span_id: field(4, 'bytes'),
        name: field(5, 'string'),
        start_time_unix_nano: field(7, 'fixed64'),
        end_time_unix_nano: field(8, 'fixed64'),
        attributes: repeated(9, 'KeyValue'),
        events: repeated(11, 'Event'),
        links: repeated(13, 'Link'),
        status: field(15, 'Status'),
      },
    },
    Resource: { fields: { attributes: repeated(1, 'KeyValue') } },
    ScopeSpans: { fields: { spans: repeated(2, 'Span') } },
    ResourceSpans: { fields: { resource: field(1, 'Resource'), scope_spans: repeated(2, 'ScopeSpans') } },
    ExportTraceServiceRequest: { fields: { resource_spans: repeated(1, 'ResourceSpans') } },
  },
}
let read: protobuf.Type | undefined
/** Made when a request first needs it. */
const requestType = (): protobuf.Type =>
  (read ??= protobuf.Root.fromJSON(description).resolveAll().root.lookupType('ExportTraceServiceRequest'))

/** How many messages one request may hold, at any depth: two bytes on the wire can be an object in memory. */
const messagesMax = 1_000_000
/** How deep attributes may be nested; JSON of it is built by recursion. */
const depthMax = 64

/** Reads a request. Throws `invalid` on bytes that are no such message, that hold too much, or are nested too deep. */
export function decodeRequest(bytes: Uint8Array): readonly ResourceSpans[] {
  try {
    measureMessage(bytes, requestType(), { messages: messagesMax, depth: depthMax })
    const { resource_spans } = requestType().decode(bytes) as unknown as { resource_spans: readonly ResourceSpans[] }
    return resource_spans
  } catch (error) {
    if (error instanceof TooLarge) throw invalid(`The OpenTelemetry request holds too much: ${error.message}.`)
    throw invalid('Invalid OpenTelemetry format: the bytes are no ExportTraceServiceRequest.')
  }
}

/** The bytes of a request: what an exporter would send. */
export const encodeRequest = (resourceSpans: readonly object[]): Uint8Array =>
  requestType()
    .encode(requestType().fromObject({ resource_spans: resourceSpans }))
    .finish()
