import type { MlflowClient } from './mlflow-client.ts'
import { itemsOf, projectsOf } from './platform-pages.ts'
import type { CarriedLog, CarriedPredictions } from './record.ts'

interface RunJson {
  readonly id: string
  readonly pipeline: string
}

/** The log of predictions of a server like ours, by day; other servers have none. */
export async function* readPredictions(client: MlflowClient): AsyncIterable<CarriedPredictions> {
  for await (const project of projectsOf(client))
    for await (const { name: deployment } of itemsOf<{ name: string }>(
      client,
      `/api/v1/projects/${project}/deployments`,
    )) {
      const days = `/api/v1/deployments/${deployment}/prediction-days`
      for await (const { day, rows } of itemsOf<{ day: string; rows: number }>(client, days)) {
        const file = { path: `${deployment}/${day}.parquet`, open: () => client.bytes(`${days}/${day}`) }
        yield { project, deployment, day, rows, file }
      }
    }
}

/** What tasks of a server like ours have said. */
export async function* readLogs(client: MlflowClient): AsyncIterable<CarriedLog> {
  for await (const project of projectsOf(client))
    for await (const { id: run, pipeline } of itemsOf<RunJson>(client, `/api/v1/projects/${project}/runs`)) {
      const logs = `/api/v1/runs/${run}/logs`
      for await (const { task } of itemsOf<{ task: string }>(client, logs)) {
        const open = () => client.bytes(`${logs}/${encodeURIComponent(task)}`)
        yield { project, run, pipeline, task, file: { path: `${run}/${task}.log`, open } }
      }
    }
}
