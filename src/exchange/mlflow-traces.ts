import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { parseExactly } from '#kernel/json.ts'
import type { MlflowClient } from './mlflow-client.ts'
import { proxied } from './mlflow-files.ts'
import { isMissing, pagesOf } from './mlflow-pages.ts'
import { spansOfFile, toSpan, type SpanJson } from './mlflow-spans.ts'
import { toTrace, toTraceV2, type TraceJson, type TraceJsonV2 } from './mlflow-trace-json.ts'
import type { CarriedFile, CarriedTrace, Source, TraceContent } from './record.ts'

const tracesPerPage = 100
const idsPerPage = 500
const v3 = '/api/3.0/mlflow/traces'
const oldestFirst = ['timestamp_ms ASC']

/** The traces of an MLflow server: none before 2.14, without assessments before 3.0. */
export function createTraceReader(client: MlflowClient): Pick<Source, 'traces' | 'traceContent' | 'tracesOfRun'> {
  const search = (experiment: string, query: object): Promise<SearchJson<TraceJson>> =>
    client.post(`${v3}/search`, {
      locations: [{ type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experiment } }],
      ...query,
    })

  return {
    async *traces({ id }) {
      const pages = pagesOf<CarriedTrace, 'traces'>('traces', async token => {
        const page = { max_results: tracesPerPage, ...(token && { page_token: token }) }
        const answer = await search(id, { ...page, order_by: oldestFirst }).catch(ofMissing)
        if (answer) return { ...answer, traces: (answer.traces ?? []).map(toTrace) }
        const older = await client
          .get<SearchJson<TraceJsonV2>>('traces', { experiment_ids: id, order_by: oldestFirst[0], ...page })
          .catch(ofMissing)
        return { ...older, traces: (older?.traces ?? []).map(toTraceV2) }
      })
      yield* pages
    },

    async traceContent(trace) {
      const location = trace.tags['mlflow.trace.spansLocation']
      const isKept = location === 'TRACKING_STORE' || location === 'ARCHIVE_REPO'
      return isKept ? keptSpans(client, trace.id) : spansFile(client, trace)
    },

    async tracesOfRun(run, experiment) {
      const ids: string[] = []
      const pages = pagesOf<TraceJson, 'traces'>('traces', token =>
        search(experiment.id, {
          filter: `attributes.run_id = '${run.id}'`,
          max_results: idsPerPage,
          ...(token && { page_token: token }),
        })
          // Servers of version 2 tie none.
          .catch(ofMissing)
          .then(answer => answer ?? {}),
      )
      for await (const page of pages) ids.push(...page.map(trace => trace.trace_id))
      return ids
    },
  }
}

interface SearchJson<Item> {
  readonly traces?: readonly Item[]
  readonly next_page_token?: string
}

function ofMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error
}

/** From 3.17 on a trace is asked for by itself, before among others, and where it is not whole, as a file. */
async function keptSpans(client: MlflowClient, id: string): Promise<TraceContent> {
  const ask = async (path: string): Promise<string> => text(await client.bytes(path))
  const whole = await ask(`${v3}/get?${new URLSearchParams({ trace_id: id, allow_partial: 'true' }).toString()}`).catch(
    ofMissing,
  )
  const found =
    whole ?? (await ask(`${v3}/batchGet?${new URLSearchParams({ trace_ids: id }).toString()}`).catch(ofMissing)) ?? '{}'
  const { trace, traces } = parseExactly(found) as { trace?: WholeJson; traces?: readonly WholeJson[] }
  const spans = (trace ?? traces?.[0])?.spans?.map(toSpan)
  if (spans) return { spans, files: attachments(client, id, found) }
  const file = await ask(artifact(id)).catch(ofMissing)
  return { spans: file === undefined ? [] : spansOfFile(file), files: [] }
}

interface WholeJson {
  readonly spans?: readonly SpanJson[]
}

/** The file that a client of before 3.4 has put beside the trace; there is none if it did not come so far. */
async function spansFile(client: MlflowClient, { id, tags }: CarriedTrace): Promise<TraceContent> {
  const path = 'traces.json'
  const address = proxied(tags['mlflow.artifactLocation'] ?? '')?.(path) ?? artifact(id)
  const bytes = await client.bytes(address).then(buffer).catch(ofMissing)
  if (!bytes) return { spans: [], files: [] }
  const file = { path, size: bytes.length, open: () => Promise.resolve(Readable.from([bytes])) }
  return { spans: [], files: [file, ...attachments(client, id, bytes.toString())] }
}

const artifact = (id: string, query: Readonly<Record<string, string>> = {}): string =>
  `/ajax-api/2.0/mlflow/get-trace-artifact?${new URLSearchParams({ request_id: id, ...query }).toString()}`

/** Images and the like lie in files that spans name. */
function attachments(client: MlflowClient, id: string, spans: string): readonly CarriedFile[] {
  const names = new Set([...spans.matchAll(/mlflow-attachment:\/\/([\w-]+)/g)].map(([, name]) => name!))
  return [...names].map(path => ({
    path: `attachments/${path}`,
    open: () => client.bytes(artifact(id, { path })),
  }))
}
