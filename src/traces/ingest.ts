import { conflict, invalid } from '#kernel/error.ts'
import type { AnyTx } from '#storage'
import { modelCallOf } from './model-call.ts'
import { decodeRequest } from './otlp-message.ts'
import type { ExperimentOfTraces } from './ports.ts'
import { arrived, attributesOf, type ArrivedSpan } from './span.ts'
import type { SpanDraft, TraceRow, TraceStore } from './store.ts'
import { summarise, type Summary } from './summary.ts'
import { totalCost, totalUsage, usageOf } from './token-usage.ts'
import { artifactLocation, keptHere, known } from './trace.ts'
import type { Labels } from './label.ts'

/** One request is one transaction: more spans than this would hold everyone else up. */
const spansMax = 20_000

/** The spans of an OpenTelemetry request. Throws `invalid`. */
export function readSpans(bytes: Uint8Array): readonly ArrivedSpan[] {
  const sent = decodeRequest(bytes)
  const count = sent.reduce((n, { scope_spans }) => n + scope_spans.reduce((m, { spans }) => m + spans.length, 0), 0)
  if (sent.length === 0) throw invalid('Invalid OpenTelemetry format: no spans were found.')
  if (count > spansMax) throw invalid(`The request has ${count} spans; ${spansMax} are allowed at once.`)
  return sent.flatMap(({ resource, scope_spans }) => {
    const attributes = attributesOf(resource?.attributes ?? [])
    return scope_spans.flatMap(({ spans }) => spans.map(span => arrived(span, attributes)))
  })
}

/**
 * Keeps spans, and makes or completes the traces they belong to, whose ids it answers. All or nothing. The description
 * that a maker has sent of its trace is not changed by spans that come later.
 */
export async function ingest(
  store: TraceStore,
  experiment: ExperimentOfTraces,
  spans: readonly ArrivedSpan[],
): Promise<readonly string[]> {
  requireActive(experiment)
  const summaries = new Map([...Map.groupBy(spans, span => span.traceId)].map(([id, own]) => [id, summarise(own)]))
  if (summaries.size === 0) return []
  await store.transaction(async tx => {
    const drafts = [...summaries].map(([id, summary]) => draftOf(id, experiment.id, summary))
    const held = await store.hold(tx, drafts)
    for (const { row } of held) requireSameExperiment(row, experiment.id)
    const completed = held.map(({ row }) => complete(row, summaries.get(row.id)!))
    await store.put(tx, completed)
    await store.putSpans(tx, spans.map(counted))
    const labels = held.map(({ row: { id }, added }) => ({
      id,
      labels: tagsOf(experiment, id, summaries.get(id)!, added),
    }))
    await store.label(tx, 'tag', labels)
    const said = completed.map(({ id }) => ({ id, labels: summaries.get(id)!.metadata }))
    await store.label(tx, 'metadata', said, true)
    await countTokens(store, tx, completed)
  })
  return [...summaries.keys()]
}

const counted = (span: ArrivedSpan): SpanDraft => ({
  ...span,
  usage: usageOf(span.attributes.get('mlflow.chat.tokenUsage')),
  call: modelCallOf(span.attributes),
})

function tagsOf(experiment: ExperimentOfTraces, id: string, summary: Summary, added: boolean): Labels {
  return {
    ...summary.tags,
    ...(added ? { [known.artifactLocation]: artifactLocation(experiment, id) } : {}),
    [known.spansLocation]: keptHere,
  }
}

/** The tokens of all spans that are there and their cost, now that some more are. What a maker has counted stays. */
async function countTokens(store: TraceStore, tx: AnyTx, traces: readonly TraceRow[]): Promise<void> {
  const usage = await store.usage(
    tx,
    traces.map(({ id }) => id),
  )
  for (const finished of [false, true]) {
    const labels = traces.flatMap(trace => {
      const nodes = trace.finished === finished ? (usage.get(trace.id) ?? []) : []
      const totals = [[known.tokenUsage, totalUsage(nodes)] as const, [known.cost, totalCost(nodes)] as const]
      const said = totals.flatMap(([key, total]) => (total ? [[key, JSON.stringify(total)] as const] : []))
      return said.length > 0 ? [{ id: trace.id, labels: Object.fromEntries(said) }] : []
    })
    await store.label(tx, 'metadata', labels, finished)
  }
}

/** What a trace is before anything but these spans is known of it. */
const draftOf = (id: string, experimentId: string, { startMs, state = 'IN_PROGRESS' }: Summary): TraceRow => ({
  id,
  experimentId,
  requestedAt: startMs,
  state,
  finished: false,
})

/** The trace, with what more spans say: earliest start, latest end, and the root's state and previews. */
function complete(row: TraceRow, summary: Summary): TraceRow {
  const { state, requestPreview, responsePreview, startMs, endMs } = summary
  const previews = {
    ...(row.requestPreview === undefined && requestPreview !== undefined ? { requestPreview } : {}),
    ...(row.responsePreview === undefined && responsePreview !== undefined ? { responsePreview } : {}),
  }
  const open = row.state === 'IN_PROGRESS' || row.state === 'STATE_UNSPECIFIED'
  const seen = { ...row, ...previews, ...(open && state ? { state } : {}) }
  if (row.finished) return seen
  const requestedAt = row.requestedAt < startMs ? row.requestedAt : startMs
  const before = row.durationMs === undefined ? undefined : row.requestedAt + row.durationMs
  const end = Math.max(before ?? -Infinity, endMs ?? -Infinity)
  return { ...seen, requestedAt, ...(Number.isFinite(end) ? { durationMs: Math.max(0, end - requestedAt) } : {}) }
}

export function requireActive(experiment: ExperimentOfTraces): void {
  if (experiment.lifecycle !== 'active')
    throw invalid(`The experiment ${experiment.id} must be in the 'active' state; it is ${experiment.lifecycle}.`)
}

/** A trace stays where it was made: who may write to one experiment can take nothing from another. */
export function requireSameExperiment(trace: { id: string; experimentId: string }, experimentId: string): void {
  if (trace.experimentId !== experimentId)
    throw conflict(`Trace ${trace.id} belongs to another experiment than ${experimentId}.`, { experimentId })
}
