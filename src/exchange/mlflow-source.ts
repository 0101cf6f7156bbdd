import { invalid } from '#kernel/error.ts'
import { int64Of } from '#kernel/int64.ts'
import type { MlflowClient } from './mlflow-client.ts'
import { readEvaluationDatasets, readEvaluationRecords } from './mlflow-evaluation.ts'
import { filesOfModel, filesOfRun, filesOfVersion } from './mlflow-files.ts'
import type { ExperimentJson, LoggedModelJson, MetricJson, RunJson, TagJson } from './mlflow-json.ts'
import { isMissing, pagesOf } from './mlflow-pages.ts'
import { readModels } from './mlflow-registry.ts'
import { createTraceReader } from './mlflow-traces.ts'
import { readUsers } from './mlflow-users.ts'
import { readWebhooks } from './mlflow-webhooks.ts'
import { readTables } from './platform-data.ts'
import { readLogs, readPredictions } from './platform-logs.ts'
import {
  loggedModelStatuses,
  runStatuses,
  type CarriedExperiment,
  type CarriedLoggedModel,
  type CarriedPoint,
  type CarriedRun,
  type KeyText,
  type Source,
} from './record.ts'

const runsPerPage = 200
const pointsPerPage = 25_000
const keysAtATime = 8

/** An MLflow server, from 2.9 on; or one that speaks its words, as ours does. */
export function createMlflowSource(client: MlflowClient): Source {
  /** What the listing of a run says and its record does not: kept until the run has been read. */
  const listed = new Map<string, { readonly artifactUri: string; readonly metrics: readonly string[] }>()
  const uris = new Map<string, string>()
  const known = (run: CarriedRun): { readonly artifactUri: string; readonly metrics: readonly string[] } => {
    const found = listed.get(run.id)
    if (found) return found
    throw invalid('The run was not listed by this source.', [{ field: 'run', value: run.id, allowed: 'a listed run' }])
  }

  return {
    ...createTraceReader(client),
    evaluationDatasets: () => readEvaluationDatasets(client),
    evaluationRecords: dataset => readEvaluationRecords(client, dataset.id),
    name: client.address,

    async *experiments() {
      const pages = pagesOf<ExperimentJson, 'experiments'>('experiments', token =>
        client.post('experiments/search', {
          max_results: 1_000,
          view_type: 'ALL',
          // Of several with one name the first keeps it, whenever the import is said again.
          order_by: ['creation_time ASC'],
          ...(token && { page_token: token }),
        }),
      )
      for await (const page of pages) yield* page.map(toExperiment)
    },

    async *runs(experiment) {
      const pages = pagesOf<RunJson, 'runs'>('runs', token =>
        client.post('runs/search', {
          experiment_ids: [experiment.id],
          run_view_type: 'ALL',
          max_results: runsPerPage,
          order_by: ['attributes.start_time ASC'],
          ...(token && { page_token: token }),
        }),
      )
      for await (const page of pages) {
        listed.clear()
        for (const run of page) {
          const metrics = (run.data?.metrics ?? []).map(metric => metric.key)
          listed.set(run.info.run_id, { artifactUri: run.info.artifact_uri ?? '', metrics })
        }
        yield page.map(toRun)
      }
    },

    points: run => pointsOf(client, run.id, known(run).metrics),
    files: run => filesOfRun(client, { id: run.id, uri: known(run).artifactUri }),

    async *loggedModels(experiment) {
      for await (const page of loggedModelPages(client, experiment.id)) {
        for (const model of page) uris.set(model.info.model_id, model.info.artifact_uri ?? '')
        yield* page.map(toLoggedModel)
      }
    },

    modelFiles: model => filesOfModel(client, { id: model.id, uri: uris.get(model.id) ?? '' }),
    models: () => readModels(client),
    webhooks: () => readWebhooks(client),
    users: () => readUsers(client),
    tables: () => readTables(client),
    predictions: () => readPredictions(client),
    logs: () => readLogs(client),
    versionFiles: (model, version) => filesOfVersion(client, model, version),
  }
}

/** A history is asked for by its key: several at a time, most of which have one page. */
async function* pointsOf(
  client: MlflowClient,
  run: string,
  keys: readonly string[],
): AsyncIterable<readonly CarriedPoint[]> {
  const ask = (key: string, token: string | undefined): Promise<HistoryJson> =>
    client.get('metrics/get-history', {
      run_id: run,
      metric_key: key,
      max_results: pointsPerPage,
      page_token: token,
    })
  for (let start = 0; start < keys.length; start += keysAtATime) {
    const some = keys.slice(start, start + keysAtATime)
    const firsts = await Promise.all(some.map(key => ask(key, undefined)))
    yield firsts.flatMap(({ metrics = [] }) => metrics.map(toPoint))
    for (const [index, { next_page_token: token }] of firsts.entries()) {
      if (!token) continue
      const pages = pagesOf<MetricJson, 'metrics'>('metrics', next => ask(some[index]!, next ?? token))
      for await (const page of pages) yield page.map(toPoint)
    }
  }
}

interface HistoryJson {
  readonly metrics?: readonly MetricJson[]
  readonly next_page_token?: string
}

const loggedModelPages = (client: MlflowClient, experiment: string): AsyncIterable<readonly LoggedModelJson[]> =>
  pagesOf('models', token =>
    client
      .post<{ models?: LoggedModelJson[]; next_page_token?: string }>('logged-models/search', {
        experiment_ids: [experiment],
        max_results: 50,
        ...(token && { page_token: token }),
      })
      // Servers before 3.0 have none.
      .catch((error: unknown) => {
        if (isMissing(error)) return {}
        throw error
      }),
  )

const pairs = (tags: readonly TagJson[] | undefined): readonly KeyText[] =>
  (tags ?? []).map(({ key, value }) => ({ key, value: value ?? '' }))

const toExperiment = (json: ExperimentJson): CarriedExperiment => ({
  id: json.experiment_id,
  name: json.name,
  lifecycle: json.lifecycle_stage === 'deleted' ? 'deleted' : 'active',
  createdAt: json.creation_time ?? 0,
  updatedAt: json.last_update_time ?? json.creation_time ?? 0,
  tags: pairs(json.tags),
})

const toRun = ({ info, data, inputs, outputs }: RunJson): CarriedRun => ({
  id: info.run_id,
  name: info.run_name ?? '',
  user: info.user_id ?? '',
  status: runStatuses.find(status => status === info.status) ?? 'RUNNING',
  lifecycle: info.lifecycle_stage === 'deleted' ? 'deleted' : 'active',
  startedAt: info.start_time ?? 0,
  ...(info.end_time ? { endedAt: info.end_time } : {}),
  params: pairs(data?.params),
  tags: pairs(data?.tags),
  datasets: (inputs?.dataset_inputs ?? []).map(({ dataset, tags }) => ({
    name: dataset.name,
    digest: dataset.digest,
    sourceType: dataset.source_type ?? '',
    source: dataset.source ?? '',
    ...(dataset.schema ? { schema: dataset.schema } : {}),
    ...(dataset.profile ? { profile: dataset.profile } : {}),
    tags: pairs(tags),
  })),
  links: [
    ...(inputs?.model_inputs ?? []).map(({ model_id: model }) => ({ direction: 'input', model, step: 0 }) as const),
    ...(outputs?.model_outputs ?? []).map(
      ({ model_id: model, step }) => ({ direction: 'output', model, step: int64Of(step ?? 0) }) as const,
    ),
  ],
})

const toPoint = ({ key, value, timestamp, step }: MetricJson): CarriedPoint => ({
  key,
  value: Number(value ?? 0),
  timestamp: Number(timestamp ?? 0),
  step: int64Of(step ?? 0),
})

const toLoggedModel = ({ info, data }: LoggedModelJson): CarriedLoggedModel => ({
  id: info.model_id,
  name: info.name,
  ...(info.model_type ? { modelType: info.model_type } : {}),
  ...(info.source_run_id ? { sourceRun: info.source_run_id } : {}),
  status: loggedModelStatuses.find(status => status === info.status) ?? 'LOGGED_MODEL_PENDING',
  createdAt: info.creation_timestamp_ms,
  updatedAt: info.last_updated_timestamp_ms,
  params: pairs(data?.params),
  tags: pairs(info.tags),
  points: (data?.metrics ?? []).map(metric => ({
    ...toPoint(metric),
    run: metric.run_id ?? info.source_run_id ?? '',
    ...(metric.dataset_name ? { datasetName: metric.dataset_name } : {}),
    ...(metric.dataset_digest ? { datasetDigest: metric.dataset_digest } : {}),
  })),
})
