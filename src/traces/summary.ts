import type { Millis } from '#kernel/clock.ts'
import { preview } from './preview.ts'
import type { ArrivedSpan } from './span.ts'
import { usageOf, type UsageNode } from './token-usage.ts'
import { known, type TraceState } from './trace.ts'
import { labelValue, type Labels } from './label.ts'

/** What some spans of one trace say about the trace. */
export interface Summary {
  readonly startMs: Millis
  readonly endMs?: Millis
  /** Known once the root has been seen. */
  readonly state?: TraceState
  readonly requestPreview?: string
  readonly responsePreview?: string
  readonly tags: Labels
  readonly metadata: Labels
  readonly usage: readonly UsageNode[]
}

const traceTag = 'mlflow.traceTag.'
const reserved = ['telemetry.sdk.', 'mlflow.']

export function summarise(spans: readonly ArrivedSpan[]): Summary {
  const root = spans.find(span => span.parentId === undefined)
  const ends = spans.flatMap(span => (span.end === undefined ? [] : [span.end]))
  const request = preview(root?.attributes.get('mlflow.spanInputs'), 'user')
  const response = preview(root?.attributes.get('mlflow.spanOutputs'), 'assistant')
  return {
    startMs: millis(spans.reduce((least, { start }) => (start < least ? start : least), spans[0]!.start)),
    ...(ends.length === 0 ? {} : { endMs: millis(ends.reduce((most, end) => (end > most ? end : most))) }),
    ...(root ? { state: root.status === 'ERROR' ? 'ERROR' : 'OK' } : {}),
    ...(request === undefined ? {} : { requestPreview: request }),
    ...(response === undefined ? {} : { responsePreview: response }),
    tags: { ...resourceTags(spans[0]!.resource), ...(root ? userTags(root.attributes) : {}) },
    metadata: {
      ...first(known.session, spans, ['mlflow.trace.session', 'session.id', 'gen_ai.conversation.id']),
      ...first(known.user, spans, ['mlflow.trace.user', 'user.id']),
    },
    usage: spans.map(({ id, parentId, attributes }) => ({
      id,
      parentId,
      usage: usageOf(attributes.get('mlflow.chat.tokenUsage')),
    })),
  }
}

const millis = (nanos: bigint): Millis => Number(nanos / 1_000_000n) as Millis

/** Facts of the sending process, but not the names that mean something here. */
const resourceTags = (resource: ReadonlyMap<string, unknown>): Labels =>
  labelsFrom([...resource].filter(([key]) => !reserved.some(prefix => key.startsWith(prefix))))

/** Tags that a user set before the trace was sent. */
const userTags = (attributes: ReadonlyMap<string, unknown>): Labels =>
  labelsFrom(
    [...attributes].flatMap(([key, value]) =>
      key.startsWith(traceTag) ? [[key.slice(traceTag.length), value] as const] : [],
    ),
  )

const labelsFrom = (entries: readonly (readonly [string, unknown])[]): Labels =>
  Object.fromEntries(
    entries.filter(([key]) => key !== '' && key.length <= 250).map(([key, value]) => [key, labelValue(asText(value))]),
  )

function first(label: string, spans: readonly ArrivedSpan[], keys: readonly string[]): Labels {
  for (const { attributes } of spans)
    for (const key of keys) {
      const value = attributes.get(key)
      if (value !== undefined && value !== null) return { [label]: labelValue(asText(value)) }
    }
  return {}
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
