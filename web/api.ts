import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { get, patch, post, query } from './http.ts'
import type * as Wire from './wire.ts'

/**
 * What pages read, one set of query options for each resource. The first part of a key names the resource:
 * live.ts maps kinds of events to it.
 */

type Items<Row> = Wire.Items<Row>
const at = (project: string): string => `/projects/${project}`
const listLimit = 100

const read = <T>(key: readonly [string, ...unknown[]], path: string) =>
  queryOptions({ queryKey: key, queryFn: ({ signal }) => get<T>(path, signal) })

export const loop = read<Wire.Loop>(['loop'], '/loop')
export const projects = read<Wire.Projects>(['projects'], '/projects?limit=500')
export const projectOf = (project: string) => read<Wire.Revision>(['project', project], at(project))
export const revisionsOf = (project: string) =>
  read<Items<Wire.Revision>>(['revisions', project], `${at(project)}/revisions?limit=20`)

export const events = (project?: string) =>
  infiniteQueryOptions({
    queryKey: ['events', project],
    queryFn: ({ pageParam, signal }) =>
      get<Items<Wire.Event>>(`/events${query({ project, before: pageParam, limit: listLimit })}`, signal),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: last => (last.items.length < listLimit ? undefined : last.items.at(-1)?.seq),
  })

export const repositoryOf = (project: string) =>
  read<Wire.Repository>(['repository', project], `${at(project)}/repository`)
export const commitsOf = (project: string) => read<Items<Wire.Commit>>(['commits', project], `${at(project)}/commits`)
export const buildsOf = (project: string) => read<Items<Wire.Build>>(['builds', project], `${at(project)}/builds`)

export const sourcesOf = (project: string) => read<Items<Wire.Source>>(['sources', project], `${at(project)}/sources`)
export const datasetVersionsOf = (project: string, source: string) =>
  read<Items<Wire.DatasetVersion>>(
    ['dataset-versions', project, source],
    `${at(project)}/sources/${source}/versions?limit=${listLimit}`,
  )
export const acceptContract = (project: string, source: string, reason: string) =>
  post<unknown>(`${at(project)}/sources/${source}/contract`, { reason })
export const featureViewsOf = (project: string) =>
  read<Items<Wire.FeatureView>>(['features', project], `${at(project)}/features`)
export const featureVersionsOf = (project: string, view: string) =>
  read<Items<Wire.FeatureVersion>>(
    ['feature-versions', project, view],
    `${at(project)}/features/${view}/versions?limit=${listLimit}`,
  )

export const pipelinesOf = (project: string) =>
  read<Items<Wire.Pipeline>>(['pipelines', project], `${at(project)}/pipelines`)
export const triggersOf = (project: string) =>
  read<Items<Wire.Trigger>>(['triggers', project], `${at(project)}/triggers`)
/** Or lets it go on. */
export const pauseTrigger = (project: string, { pipeline, name }: Wire.Trigger, isPaused: boolean) =>
  post<Wire.Trigger>(`${at(project)}/pipelines/${pipeline}/triggers/${name}/${isPaused ? 'pause' : 'unpause'}`)
export const gridOf = (project: string, pipeline: string) =>
  read<Wire.PipelineGrid>(['runs', project, 'grid', pipeline], `${at(project)}/pipelines/${pipeline}/grid`)
export const runsOf = (
  project: string,
  filter: { pipeline?: string | undefined; state?: string | undefined; limit?: number } = {},
) => read<Items<Wire.Run>>(['runs', project, filter], `${at(project)}/runs${query({ limit: listLimit, ...filter })}`)
/** With its first tasks: as many as a drawing can show. */
export const runOf = (run: string) => read<Wire.RunOverview>(['run', run], `/runs/${run}/overview?limit=200`)
export const taskOf = (run: string, task: string) =>
  read<Wire.TaskDetail>(['run', run, task], `/runs/${run}/tasks/${encodeURIComponent(task)}`)
interface LinesFilter {
  /** The calls of this task, rather than the tasks of the pipeline. */
  of?: string
  /** This task, what it needs and what needs it. */
  around?: string
  state?: string | undefined
  after?: string | undefined
}
/** Tasks of a run in short, a page of them. */
export const linesOf = (run: string, filter: LinesFilter) =>
  read<Items<Wire.TaskLine>>(
    ['run', run, 'lines', filter],
    `/runs/${run}/tasks${query({ limit: listLimit, ...filter })}`,
  )
export const startRun = (project: string, body: { pipeline: string; reason: string }) =>
  post<Wire.Run>(`${at(project)}/runs`, body)
export const backfillsOf = (project: string) =>
  read<Items<Wire.Backfill>>(['backfills', project], `${at(project)}/backfills${query({ limit: 10 })}`)
export const startBackfill = (
  project: string,
  pipeline: string,
  body: { from: string; to: string; again: 'none' | 'failed' | 'all'; concurrency: number },
) => post<Wire.Backfill>(`${at(project)}/pipelines/${pipeline}/backfills`, body)
export const cancelBackfill = (project: string, id: string) =>
  post<Wire.Backfill>(`${at(project)}/backfills/${id}/cancel`)
export const decideTask = (run: string, task: string, body: { verdict: 'approve' | 'reject'; reason: string }) =>
  post<Wire.Task>(`/runs/${run}/tasks/${task}/decision`, body)
export const cancelRun = (run: string) => post<Wire.Run>(`/runs/${run}/cancel`)
export const resumeRun = (run: string) => post<Wire.Run>(`/runs/${run}/resume`)
export const readLog = (task: string, offset: number, signal: AbortSignal) =>
  get<Wire.Log>(`/tasks/${task}/log${query({ offset })}`, signal)
export const environmentsOf = (task: string) =>
  read<Items<Wire.Environment>>(['environments', task], `/tasks/${task}/environments`)
export const readBuildLog = (task: string, environment: string, offset: number, signal: AbortSignal) =>
  get<Wire.Log>(`/tasks/${task}/environments/${environment}/log${query({ offset })}`, signal)
/** `of` is the task that names the bytes. */
export const blobUrl = (digest: string, of: string): string => `/api/v1/blobs/${digest}?of=${of}`
export const outputUrl = (task: string, name: string): string => `/api/v1/tasks/${task}/outputs/${name}`

export const modelsOf = (project: string) =>
  read<Items<Wire.Model>>(['models', project], `${at(project)}/models?limit=500`)
/** Over all projects. */
export const registeredModelsOf = infiniteQueryOptions({
  queryKey: ['registered-models'],
  queryFn: ({ pageParam, signal }) =>
    get<Items<Wire.RegisteredModel>>(`/models${query({ limit: listLimit, after: pageParam })}`, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: last => last.next,
})
/** By the name that clients of MLflow use. */
export const registeredModelNamed = (name: string) =>
  read<Wire.RegisteredModel>(['registered-models', name], `/models/${encodeURIComponent(name)}`)
export const modelVersionNumbered = (project: string, model: string, version: string) =>
  read<Wire.ModelVersion>(
    ['model-versions', project, model, version],
    `${at(project)}/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`,
  )
export const modelVersionsOf = (project: string, model: string) =>
  read<Items<Wire.ModelVersion>>(
    ['model-versions', project, model],
    `${at(project)}/models/${encodeURIComponent(model)}/versions?limit=${listLimit}`,
  )
export const modelVersionOf = (id: string) => read<Wire.ModelVersion>(['model-version', id], `/model-versions/${id}`)
export const moveVersion = (id: string, to: Wire.Stage, reason: string) =>
  post<Wire.ModelVersion>(`/model-versions/${id}/transitions`, { to, reason })

export const scanOf = (id: string) => read<Wire.Scan>(['scan', id], `/model-versions/${id}/scan`)
/** What became of writing it as ONNX. */
export const conversionOf = (id: string) =>
  read<Wire.Conversion>(['conversion', id], `/model-versions/${id}/conversion`)
export const signatureOf = (id: string) =>
  read<Wire.SignatureCheck>(['signature', id], `/model-versions/${id}/signature`)
export const approvalsOf = (id: string) =>
  read<Wire.ApprovalState>(['approvals', id], `/model-versions/${id}/approvals`)
export const judgeVersion = ({ id, digest }: Wire.ModelVersion, verdict: Wire.Approval['verdict'], reason: string) =>
  post<Wire.ApprovalState>(`/model-versions/${id}/approvals`, { verdict, reason, digest })
export const cardOf = (id: string) => read<Wire.Card>(['card', id], `/model-versions/${id}/card`)
export const writeCard = (id: string, opinions: object) => patch<Wire.Card>(`/model-versions/${id}/card`, { opinions })

export const deploymentsOf = (project: string) =>
  read<Items<Wire.Deployment>>(['deployments', project], `${at(project)}/deployments`)
export const graphsOf = (project: string) => read<Items<Wire.Graph>>(['graphs', project], `${at(project)}/graphs`)
export const deploymentOf = (name: string) => read<Wire.DeploymentDetail>(['deployment', name], `/deployments/${name}`)
export const queuesOf = (name: string) => read<Items<Wire.Queue>>(['queues', name], `/deployments/${name}/queues`)
export const outcomesOf = (name: string) => read<Wire.Outcomes>(['outcomes', name], `/deployments/${name}/outcomes`)
export const predictionsOf = (name: string) =>
  read<Items<Wire.Prediction>>(['predictions', name], `/deployments/${name}/predictions?limit=20&order=arrival`)
export const setTraffic = (name: string, weights: Record<string, number>, reason: string) =>
  post<unknown>(`/deployments/${name}/traffic`, { weights, reason })
export const rollBack = (name: string, reason: string) => post<unknown>(`/deployments/${name}/rollback`, { reason })

export const monitorsOf = (project: string) =>
  read<Items<Wire.Monitor>>(['monitors', project], `${at(project)}/monitors`)
export const windowsOf = (deployment: string) =>
  read<Items<Wire.MonitorWindow>>(['windows', deployment], `/deployments/${deployment}/windows?limit=60`)
export const windowOf = (id: string) => read<Wire.MonitorWindow>(['window', id], `/windows/${id}`)
export const incidentsOf = (project: string) =>
  read<Items<Wire.Incident>>(['incidents', project], `${at(project)}/incidents?limit=${listLimit}`)
export const answerIncident = (id: string, body: { state: 'acknowledged' | 'resolved'; resolution?: string }) =>
  post<unknown>(`/incidents/${id}`, body)
export const feedbackOf = (project: string) =>
  read<Items<Wire.Feedback>>(['feedback', project], `${at(project)}/feedback?limit=50`)

export const lineageOf = (id: string, direction: 'up' | 'down' | 'both') =>
  read<Wire.Lineage>(['lineage', id, direction], `/lineage/${encodeURIComponent(id)}?direction=${direction}`)
