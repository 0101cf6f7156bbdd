import { defaultProject } from '#kernel/default-project.ts'
import type { Readable } from 'node:stream'
import { int64Text } from '#kernel/int64.ts'
import type { LoggedModelSummary, RunSummary } from '#tracking'
import { createEvaluationTarget, type EvaluationTarget } from './evaluation-target.ts'
import type {
  CarriedDataset,
  CarriedModel,
  CarriedModelPoint,
  CarriedPoint,
  CarriedWebhook,
  KeyText,
  ModelLink,
  RunStatus,
} from './record.ts'
import { createTraceTarget, type TraceTarget } from './trace-target.ts'
import { createUserTarget, type UserTarget } from './user-target.ts'
import type { Api } from './api.ts'

export interface TargetFile {
  readonly path: string
  readonly digest: string
  readonly size: number
}

export interface RunDraft {
  readonly experimentId: string
  readonly name: string
  readonly user: string
  readonly startedAt: number
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
  readonly datasets: readonly CarriedDataset[]
  readonly links: readonly ModelLink[]
}

export interface LoggedModelDraft {
  readonly experimentId: string
  readonly name: string
  readonly modelType?: string
  readonly sourceRun?: string
  readonly status: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
  readonly points: readonly CarriedModelPoint[]
}

/** The ledger that is written: one project of a platform. What is said twice is there once. */
export interface Target extends TraceTarget, EvaluationTarget, UserTarget {
  readonly name: string
  readonly project: string
  /** The project is there afterwards: one that nobody has declared begins with its repository. */
  begin(): Promise<void>
  experiment(draft: {
    readonly name: string
    readonly createdAt: number
    readonly updatedAt: number
    readonly tags: readonly KeyText[]
  }): Promise<{ readonly id: string }>
  endExperiment(id: string, end: { readonly lifecycle: string; readonly updatedAt: number }): Promise<TargetExperiment>
  /** By id; those that are not there are not in it. */
  summaries(runs: readonly string[]): Promise<ReadonlyMap<string, RunSummary>>
  run(id: string, draft: RunDraft): Promise<void>
  points(id: string, points: readonly CarriedPoint[]): Promise<void>
  endRun(
    id: string,
    end: { readonly status: RunStatus; readonly lifecycle: string; readonly endedAt?: number },
  ): Promise<void>
  loggedModel(id: string, draft: LoggedModelDraft): Promise<LoggedModelSummary>
  files(of: 'runs' | 'logged-models' | 'traces', id: string): Promise<ReadonlyMap<string, TargetFile>>
  /** Writes a file below an artifact URI of this server. */
  putFile(uri: string, path: string, bytes: Readable): Promise<void>
  model(model: CarriedModel): Promise<CarriedModel>
  /** Disabled when it is new: it has no secret yet. */
  webhook(webhook: CarriedWebhook): Promise<CarriedWebhook>
}

export interface TargetExperiment {
  readonly name: string
  readonly lifecycle: string
  readonly tags: readonly KeyText[]
}

const pointsPerRequest = 5_000

export function createTarget(api: Api, project: string): Target {
  const root = `/api/v1/projects/${project}/imports`
  return {
    ...createTraceTarget(api, root),
    ...createEvaluationTarget(api, root),
    ...createUserTarget(api),
    name: api.server,
    project,
    async begin() {
      if (project !== defaultProject) await api.get(`/api/v1/projects/${project}/repository`)
    },
    experiment: draft => api.send('PUT', `${root}/experiments`, draft),
    endExperiment: (id, end) => api.send('PUT', `${root}/experiments/${id}/end`, end),

    async summaries(runs) {
      const { items } = await api.send<{ items: readonly RunSummary[] }>('POST', `${root}/summaries`, { runs })
      return new Map(items.map(item => [item.id, item]))
    },

    run: (id, { links, ...draft }) =>
      api.send('PUT', `${root}/runs/${id}`, {
        ...draft,
        links: links.map(link => ({ ...link, step: int64Text(link.step) })),
      }),

    async points(id, points) {
      for (let start = 0; start < points.length; start += pointsPerRequest) {
        const some = points.slice(start, start + pointsPerRequest)
        await api.send('POST', `${root}/runs/${id}/points`, {
          points: some.map(({ key, step, timestamp, value }) => [key, int64Text(step), timestamp, sent(value)]),
        })
      }
    },

    endRun: (id, end) => api.send('PUT', `${root}/runs/${id}/end`, end),

    loggedModel: (id, draft) =>
      api.send('PUT', `${root}/logged-models/${id}`, {
        ...draft,
        points: draft.points.map(point => ({ ...point, step: int64Text(point.step), value: sent(point.value) })),
      }),

    async files(of, id) {
      const { items } = await api.get<{ items: readonly TargetFile[] }>(`${root}/${of}/${id}/files`)
      return new Map(items.map(file => [file.path, file]))
    },

    async putFile(uri, path, bytes) {
      const place = `${uri.replace(/^mlflow-artifacts:\/*/, '')}/${path}`
      await api.upload(
        `/api/2.0/mlflow-artifacts/artifacts/${place.split('/').map(encodeURIComponent).join('/')}`,
        bytes,
      )
    },

    webhook: ({ id, state: _, ...webhook }) => api.send('PUT', `${root}/webhooks/${encodeURIComponent(id)}`, webhook),
    model: model => api.send('PUT', `${root}/registered-models`, model),
  }
}

/** A value as JSON has it: infinities are kept as the greatest doubles, in every ledger of this kind. */
const sent = (value: number): number | 'NaN' =>
  Number.isNaN(value) ? 'NaN' : Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value))
