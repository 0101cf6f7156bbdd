import { gzipSync } from 'node:zlib'
import type { TraceSummary } from '#traces'
import type { CarriedTrace } from './record.ts'
import type { Api } from './api.ts'

/** The part of a target that takes traces. */
export interface TraceTarget {
  /** By id; those that are not there are not in it. */
  traces(ids: readonly string[]): Promise<ReadonlyMap<string, TraceSummary>>
  /** Sends an OpenTelemetry request. */
  spans(experimentId: string, request: Uint8Array): Promise<void>
  /** Says what a trace is, after its spans. */
  trace(trace: CarriedTrace, experimentId: string): Promise<TraceSummary>
  /** Ids of the traces that are tied to a run. */
  tracesOfRun(run: string, experimentId: string): Promise<readonly string[]>
  tieTraces(run: string, traces: readonly string[]): Promise<void>
}

const idsPerRequest = 100
/** A request that is longer goes packed: the target takes 16 MiB as they are. */
const plainBytesMax = 8 * 1024 * 1024

export const createTraceTarget = (api: Api, root: string): TraceTarget => ({
  async traces(ids) {
    const { items } = await api.send<{ items: readonly TraceSummary[] }>('POST', `${root}/trace-summaries`, {
      traces: ids,
    })
    return new Map(items.map(item => [item.trace.id, item]))
  },

  spans(experimentId, request) {
    const isPlain = request.length <= plainBytesMax
    return api.postBytes('/v1/traces', isPlain ? request : gzipSync(request), {
      'content-type': 'application/x-protobuf',
      'x-mlflow-experiment-id': experimentId,
      ...(!isPlain && { 'content-encoding': 'gzip' }),
    })
  },

  trace: ({ id, ...trace }, experimentId) => api.send('PUT', `${root}/traces/${id}`, { ...trace, experimentId }),

  async tracesOfRun(run, experimentId) {
    const ids: string[] = []
    let after: string | undefined
    do {
      const query = new URLSearchParams({ filter: `run_id = '${run}'`, limit: '500', ...(after && { after }) })
      const page: { items: readonly { id: string }[]; next?: string } = await api.get(
        `/api/v1/experiments/${experimentId}/traces?${query.toString()}`,
      )
      ids.push(...page.items.map(({ id }) => id))
      after = page.next
    } while (after !== undefined)
    return ids
  },

  async tieTraces(run, traces) {
    for (let start = 0; start < traces.length; start += idsPerRequest)
      await api.send('POST', '/api/2.0/mlflow/traces/link-to-run', {
        run_id: run,
        trace_ids: traces.slice(start, start + idsPerRequest),
      })
  },
})
