import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { get, getFrom, query } from './http.ts'
import type * as Wire from './wire.ts'

/** What pages read of experiments and their runs, as api.ts does for the rest. */

const rowsPerPage = 200
const experimentsMax = 500

/** All of them, a page after the other: a tree has no second page. */
export const experimentsOf = (view: 'active' | 'deleted' | 'all') =>
  queryOptions({
    queryKey: ['experiments', view],
    async queryFn({ signal }) {
      const items: Wire.Experiment[] = []
      let after: string | undefined
      do {
        const page = await get<Wire.Items<Wire.Experiment>>(
          `/experiments${query({ view, limit: experimentsMax, after })}`,
          signal,
        )
        items.push(...page.items)
        after = page.next
      } while (after !== undefined)
      return items
    },
  })

export const experimentOf = (id: string) =>
  queryOptions({
    queryKey: ['experiment', id],
    queryFn: ({ signal }) => get<Wire.ExperimentDetail>(`/experiments/${encodeURIComponent(id)}`, signal),
  })

export interface RunsAsked {
  readonly filter?: string | undefined
  readonly order?: string | undefined
  readonly columns?: string | undefined
  readonly view?: string | undefined
}

export const runRowsOf = (experiment: string, asked: RunsAsked) =>
  infiniteQueryOptions({
    queryKey: ['run-rows', experiment, asked],
    queryFn: ({ pageParam, signal }) =>
      get<Wire.RunRows>(
        `/experiments/${encodeURIComponent(experiment)}/runs${query({ ...asked, limit: rowsPerPage, after: pageParam })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: last => last.next,
  })

export const trackingRunOf = (id: string) =>
  queryOptions({
    queryKey: ['tracking-run', id],
    queryFn: ({ signal }) => get<Wire.TrackingRun>(`/tracking-runs/${encodeURIComponent(id)}`, signal),
  })

/** With the latest metrics, or those of a step. */
export const comparisonOf = (runs: readonly string[], step?: number) =>
  queryOptions({
    queryKey: ['comparison', runs, step],
    queryFn: ({ signal }) => get<Wire.Comparison>(`/run-comparison${query({ runs: runs.join(','), step })}`, signal),
  })

export interface HistoryAsked {
  readonly runs: readonly string[]
  readonly keys: readonly string[]
  readonly axis: 'step' | 'elapsed' | 'time'
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** About as many as a chart has pixels across. */
const buckets = 600

export const historiesOf = ({ runs, keys, ...asked }: HistoryAsked) =>
  queryOptions({
    queryKey: ['histories', runs, keys, asked],
    queryFn: ({ signal }) =>
      get<Wire.Items<Wire.History>>(
        `/metric-histories${query({ runs: runs.join(','), keys: keys.join(','), ...asked, buckets })}`,
        signal,
      ),
  })

export const artifactsOf = (run: string, path: string) =>
  queryOptions({
    queryKey: ['artifacts', run, path],
    queryFn: ({ signal }) =>
      getFrom<{ files?: readonly Wire.ArtifactEntry[] }>(
        `/ajax-api/2.0/mlflow/artifacts/list${query({ run_id: run, path })}`,
        signal,
      ),
  })

/** Always an attachment, in a sandbox: what is shown on a page is shown by the page. */
export const artifactUrl = (run: string, path: string): string => `/get-artifact${query({ run_id: run, path })}`

const previewBytesMax = 200_000

/** The beginning of a text file. */
export const artifactTextOf = (run: string, path: string) =>
  queryOptions({
    queryKey: ['artifact-text', run, path],
    async queryFn({ signal }) {
      const response = await fetch(artifactUrl(run, path), {
        signal,
        headers: { range: `bytes=0-${previewBytesMax - 1}` },
      })
      if (!response.ok) throw new Error(`The server answered ${response.status}.`)
      return response.text()
    },
  })
