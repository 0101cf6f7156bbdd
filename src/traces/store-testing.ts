import type { Millis } from '#kernel/clock.ts'
import { parseFilter, parseOrder } from '#search'
import type { Assessment } from './assessment.ts'
import { traceLanguage } from './language.ts'
import type { SpanDraft, TraceQuery, TraceRow, TraceStore } from './store.ts'
import type { Labels } from './label.ts'

/** Traces for the contracts of {@link TraceStore}. */

export const row = (id: string, more: Partial<TraceRow> = {}): TraceRow => ({
  id,
  experimentId: '1',
  requestedAt: 1_000 as Millis,
  state: 'OK',
  finished: true,
  ...more,
})
export const span = (traceId: string, id: string, more: Partial<SpanDraft> = {}): SpanDraft => ({
  traceId,
  id,
  name: 'step',
  type: 'UNKNOWN',
  status: 'OK',
  start: 1_000_000_000_000_000_001n,
  end: 1_000_000_000_000_000_002n,
  content: content({}),
  ...more,
})
export const content = (attributes: Readonly<Record<string, object>>): string =>
  JSON.stringify({ attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })) })
export const assessment = (traceId: string, id: string, more: Partial<Assessment> = {}): Assessment => ({
  id,
  traceId,
  name: 'quality',
  kind: 'feedback',
  value: '"good"',
  valid: true,
  createdAt: 1 as Millis,
  updatedAt: 1 as Millis,
  ...more,
})

/** A trace, and what is kept beside it. */
interface Given extends Partial<TraceRow> {
  readonly tags?: Labels
  readonly metadata?: Labels
  readonly spans?: readonly Partial<SpanDraft>[]
  readonly assessments?: readonly Partial<Assessment>[]
}
export const add = (store: TraceStore, id: string, given: Given = {}): Promise<void> => {
  const { tags = {}, metadata = {}, spans = [], assessments = [], ...rest } = given
  return store.transaction(async tx => {
    await store.hold(tx, [row(id, rest)])
    await store.label(tx, 'tag', [{ id, labels: tags }])
    await store.label(tx, 'metadata', [{ id, labels: metadata }])
    await store.putSpans(
      tx,
      spans.map((more, index) => span(id, `000000000000000${index}`, more)),
    )
    await store.addAssessments(
      tx,
      assessments.map((more, index) => assessment(id, `a-${id}-${index}`, more)),
    )
  })
}
export const query = (
  filter: string | undefined,
  more: Partial<TraceQuery> & { by?: readonly string[] } = {},
): TraceQuery => ({
  experiments: ['1'],
  limit: 100,
  filter: parseFilter(filter, traceLanguage),
  order: parseOrder(more.by ?? [], traceLanguage),
  ...more,
})
export const found = async (store: TraceStore, filter: string | undefined, more: Parameters<typeof query>[1] = {}) =>
  (await store.search(query(filter, more))).items.map(({ id }) => id).join(' ')
