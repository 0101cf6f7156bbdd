import { fromWire, type WireValue } from './span.ts'

interface WireSpan {
  readonly trace_id: string
  readonly span_id: string
  readonly parent_span_id?: string
  readonly name: string
  readonly start_time_unix_nano: string
  readonly end_time_unix_nano?: string
  readonly attributes: readonly Attribute[]
  readonly events: readonly { time_unix_nano: string; name: string; attributes: readonly Attribute[] }[]
  readonly links?: readonly { trace_id: string; span_id: string; attributes: readonly Attribute[] }[]
  readonly status: { readonly code: string; readonly message?: string }
}

interface Attribute {
  readonly key: string
  readonly value: WireValue
}

/** Spans as the file that MLflow's clients call `traces.json`: each attribute is JSON text of its own. */
export const spanFile = (contents: readonly string[]): string => `{"spans":[${contents.map(fileSpan).join(',')}]}`

function fileSpan(content: string): string {
  const span = JSON.parse(content) as WireSpan
  const { parent_span_id = null, end_time_unix_nano, links } = span
  const members: readonly (readonly [string, string])[] = [
    ['trace_id', JSON.stringify(span.trace_id)],
    ['span_id', JSON.stringify(span.span_id)],
    ['parent_span_id', JSON.stringify(parent_span_id)],
    ['name', JSON.stringify(span.name)],
    // Nanoseconds are numbers here, of more digits than JavaScript's have: their text is taken over.
    ['start_time_unix_nano', span.start_time_unix_nano],
    ['end_time_unix_nano', end_time_unix_nano ?? 'null'],
    ['events', `[${span.events.map(fileEvent).join(',')}]`],
    ['status', JSON.stringify({ code: span.status.code, message: span.status.message ?? '' })],
    ['attributes', JSON.stringify(ofText(span.attributes))],
    ...(links
      ? [['links', JSON.stringify(links.map(link => ({ ...link, attributes: plain(link.attributes) })))] as const]
      : []),
  ]
  return `{${members.map(([name, json]) => `"${name}":${json}`).join(',')}}`
}

const fileEvent = ({ name, time_unix_nano, attributes }: WireSpan['events'][number]): string =>
  `{"name":${JSON.stringify(name)},"time_unix_nano":${time_unix_nano},"attributes":${JSON.stringify(plain(attributes))}}`

const ofText = (attributes: readonly Attribute[]): object =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, JSON.stringify(fromWire(value))]))

const plain = (attributes: readonly Attribute[]): object =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, fromWire(value)]))
