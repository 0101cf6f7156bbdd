import { parseExactly } from '#kernel/json.ts'
import { anyValueOf } from './any-value.ts'

/** A span as OpenTelemetry has it, of protobuf's JSON: a status is a number on the wire. */
export function toSpan({ status, ...span }: SpanJson): object {
  return { ...span, status: { message: status?.message ?? '', code: codes.get(status?.code ?? '') ?? 0 } }
}

export interface SpanJson {
  readonly status?: { readonly code?: string; readonly message?: string }
}

const codes: ReadonlyMap<string, number> = new Map([
  ['STATUS_CODE_OK', 1],
  ['STATUS_CODE_ERROR', 2],
])

interface FileSpanJson extends SpanJson {
  readonly attributes?: Readonly<Record<string, string>>
  readonly events?: readonly { readonly attributes?: Readonly<Record<string, unknown>> }[]
  readonly links?: readonly { readonly attributes?: Readonly<Record<string, unknown>> }[]
}

/** The spans in a `traces.json`, where each attribute is JSON text of its own. */
export function spansOfFile(text: string): readonly object[] {
  const { spans = [] } = parseExactly(text) as { spans?: readonly FileSpanJson[] }
  const plain = (attributes: Readonly<Record<string, unknown>> | undefined): readonly object[] =>
    Object.entries(attributes ?? {}).map(([key, value]) => ({ key, value: anyValueOf(JSON.stringify(value)) }))
  return spans.map(({ attributes, events, links, ...span }) =>
    toSpan({
      ...span,
      attributes: Object.entries(attributes ?? {}).map(([key, json]) => ({ key, value: valueOf(json) })),
      events: (events ?? []).map(event => ({ ...event, attributes: plain(event.attributes) })),
      links: (links ?? []).map(link => ({ ...link, attributes: plain(link.attributes) })),
    } as SpanJson),
  )
}

/** Python writes NaN, which is no JSON: such a value stays text. */
function valueOf(json: string): object {
  try {
    return anyValueOf(json)
  } catch {
    return { string_value: json }
  }
}
