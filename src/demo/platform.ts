import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { DatasetVersionWire } from '#data/wire.ts'
import type { FeatureViewWire, OnlineReadAnswer, TrainingSetWire } from '#features/wire.ts'
import { TrainyardError } from '#kernel/error.ts'
import type { LineageWire } from '#metadata/wire.ts'
import type { FeedbackItemWire, IncidentWire, MonitorWire, WindowWire } from '#monitoring/wire.ts'
import type { EvaluatedVersion } from '#registry'
import type { DeploymentDetail, PredictionWire } from '#serving/wire.ts'
import type { RunWire, TaskRunWire } from '#workflow/wire.ts'
import { until, type World } from './world.ts'

/** What the demo asks the platform, by name. Everything that it tells is read back through here. */

export type Run = z.output<typeof RunWire>
export type Task = z.output<typeof TaskRunWire>
export type DatasetVersion = z.output<typeof DatasetVersionWire>
export type FeatureView = z.output<typeof FeatureViewWire>
export type TrainingSet = z.output<typeof TrainingSetWire>
export type ModelVersion = EvaluatedVersion
export type Deployment = z.output<typeof DeploymentDetail>
export type Prediction = z.output<typeof PredictionWire>
export type Monitor = z.output<typeof MonitorWire>
export type Window = z.output<typeof WindowWire>
export type Incident = z.output<typeof IncidentWire>
export type FeedbackItem = z.output<typeof FeedbackItemWire>
export type Lineage = z.output<typeof LineageWire>
export type OnlineRow = z.output<typeof OnlineReadAnswer>['rows'][number]

interface Items<Row> {
  readonly items: readonly Row[]
}

const ended = new Set(['succeeded', 'failed', 'cancelled'])

export function platform({ client, project, signal }: World) {
  const base = `/api/v1/projects/${project}`
  const list = async <Row>(path: string): Promise<readonly Row[]> => (await client.get<Items<Row>>(path)).items
  const run = (id: string): Promise<{ run: Run; tasks: readonly Task[] }> => client.get(`/api/v1/runs/${id}`)

  return {
    run,
    runs: (pipeline: string) => list<Run>(`${base}/runs?pipeline=${pipeline}&limit=20`),
    activeRuns: async () => [
      ...(await list<Run>(`${base}/runs?state=running`)),
      ...(await list<Run>(`${base}/runs?state=queued`)),
    ],
    log: async (task: string) => (await client.get<{ text: string }>(`/api/v1/tasks/${task}/log?offset=0`)).text,
    datasets: (source: string) => list<DatasetVersion>(`${base}/sources/${source}/versions?limit=5`),
    dataset: (id: string) => client.get<DatasetVersion>(`/api/v1/dataset-versions/${id}`),
    views: () => list<FeatureView>(`${base}/features`),
    trainingSet: (id: string) => client.get<TrainingSet>(`/api/v1/training-sets/${id}`),
    online: async (body: { service: string; keys: string[]; at?: number }) =>
      (await client.send<{ rows: OnlineRow[] }>('POST', `${base}/features:read`, body)).rows,
    versions: (model: string) => list<ModelVersion>(`${base}/models/${model}/versions`),
    version: (id: string) => client.get<ModelVersion>(`/api/v1/model-versions/${id}`),
    deployment: (name: string) => client.get<Deployment>(`/api/v1/deployments/${name}`),
    prediction: (id: string) => client.get<Prediction>(`/api/v1/predictions/${id}`),
    monitors: () => list<Monitor>(`${base}/monitors`),
    windows: (deployment: string) => list<Window>(`/api/v1/deployments/${deployment}/windows?limit=200`),
    incidents: () => list<Incident>(`${base}/incidents`),
    incident: (id: string) => client.get<Incident>(`/api/v1/incidents/${id}`),
    feedback: () => list<FeedbackItem>(`${base}/feedback`),
    lineage: (id: string) => client.get<Lineage>(`/api/v1/lineage/${id}?direction=up`),
    /** One run, however often the request has to be sent. */
    start: (pipeline: string, body: object) =>
      client.send<Run>('POST', `${base}/runs`, { pipeline, key: randomUUID(), ...body }),
    upload: (source: string, csv: string) =>
      client.upload<{ digest: string; bytes: number }>(`${base}/sources/${source}/data`, new Blob([csv])),

    /** Waits for a run's end. Throws `task_failed` with its error when it did not succeed. */
    async finished(id: string): Promise<{ run: Run; tasks: readonly Task[] }> {
      const detail = await until(
        `run ${id}`,
        async () => {
          const answer = await run(id)
          return ended.has(answer.run.state) && answer
        },
        { signal, patience: 240_000 },
      )
      if (detail.run.state !== 'succeeded')
        throw new TrainyardError(
          'task_failed',
          `Run ${id} of ${detail.run.pipeline} ${detail.run.state}: ${detail.run.error ?? ''}`,
        )
      return detail
    },
  }
}

export type Platform = ReturnType<typeof platform>

/** The task of a run with this name. Throws `not_found`. */
export function taskOf(tasks: readonly Task[], name: string): Task {
  const task = tasks.find(task => task.name === name)
  if (!task) throw new TrainyardError('not_found', `The run has no task ${name}.`)
  return task
}

export const seconds = ({
  startedAt,
  endedAt,
}: {
  startedAt?: number | undefined
  endedAt?: number | undefined
}): string =>
  startedAt !== undefined && endedAt !== undefined
    ? `${((endedAt - startedAt) / 1_000).toFixed(2)} s`
    : 'still going on'

export const short = (digest: string | undefined): string => digest?.slice(0, 12) ?? 'none'
