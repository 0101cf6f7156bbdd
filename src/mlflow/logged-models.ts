import { z } from 'zod'
import type { Resource } from '#access'
import { int64Json } from '#kernel/int64.ts'
import {
  experimentResource,
  loggedModelStatuses,
  ownerResource,
  type Experiment,
  type LoggedModel,
  type LoggedModelPoint,
  type LoggedModels,
} from '#tracking'
import { ordersMax } from '#search'
import { flag, id, int64, KeyValue, many } from './field.ts'
import type { Declare } from './route.ts'

export interface LoggedModelCallParts {
  readonly loggedModels: LoggedModels
  /** Throws `not_found`. */
  readonly experiments: { get(id: string): Promise<Pick<Experiment, 'id' | 'project'>> }
}

const base = '2.0/mlflow/logged-models'
const OfModel = z.object({ model_id: z.string() })
const Dataset = z.object({ dataset_name: z.string(), dataset_digest: z.string().optional() })
/** By its name or its number. */
const Status = z.union([
  z.enum(loggedModelStatuses),
  int64.pipe(z.literal([1, 2, 3])).transform(n => loggedModelStatuses[n - 1]!),
])

/** Models as runs log them. A model is read and changed by who may read and change its experiment. */
export const loggedModelCalls =
  (parts: LoggedModelCallParts) =>
  (declare: Declare): void => {
    const on = onLoggedModel(parts.loggedModels)
    createCall(parts, declare)
    lifeCalls(parts.loggedModels, on, declare)
    pairCalls(parts.loggedModels, on, declare)
    searchCall(parts.loggedModels, declare)
  }

/** What a call about a model asks permission for: its experiment. */
const onLoggedModel =
  (loggedModels: LoggedModels) =>
  async (input: { model_id: string }): Promise<Resource> =>
    ownerResource(await loggedModels.get(input.model_id, { deleted: true }))

type OnLoggedModel = ReturnType<typeof onLoggedModel>

function createCall({ loggedModels, experiments }: LoggedModelCallParts, declare: Declare): void {
  declare({
    method: 'POST',
    path: base,
    input: z.object({
      experiment_id: id,
      name: z.string().optional(),
      model_type: z.string().optional(),
      source_run_id: z.string().optional(),
      params: many(KeyValue),
      tags: many(KeyValue),
    }),
    may: ['edit', async ({ experiment_id }) => experimentResource(await experiments.get(experiment_id))],
    async handle({ experiment_id, name, model_type, source_run_id, params, tags }) {
      const draft = { experimentId: experiment_id, name, modelType: model_type, sourceRunId: source_run_id }
      return { model: modelOf(await loggedModels.create({ ...draft, params, tags })) }
    },
  })
}

function lifeCalls(loggedModels: LoggedModels, on: OnLoggedModel, declare: Declare): void {
  declare({
    method: 'GET',
    path: `${base}/:model_id`,
    input: OfModel.extend({ allow_deleted: flag.default(false) }),
    may: ['read', on],
    handle: async ({ model_id, allow_deleted }) => ({
      model: modelOf(await loggedModels.get(model_id, { deleted: allow_deleted })),
    }),
  })

  declare({
    method: 'PATCH',
    path: `${base}/:model_id`,
    input: OfModel.extend({ status: Status }),
    may: ['edit', on],
    handle: async ({ model_id, status }) => ({ model: modelOf(await loggedModels.finalize(model_id, status)) }),
  })

  declare({
    method: 'DELETE',
    path: `${base}/:model_id`,
    input: OfModel,
    may: ['manage', on],
    async handle({ model_id }) {
      await loggedModels.remove(model_id)
      return {}
    },
  })
}

function pairCalls(loggedModels: LoggedModels, on: OnLoggedModel, declare: Declare): void {
  declare({
    method: 'PATCH',
    path: `${base}/:model_id/tags`,
    input: OfModel.extend({ tags: many(KeyValue) }),
    may: ['edit', on],
    handle: async ({ model_id, tags }) => ({ model: modelOf(await loggedModels.setTags(model_id, tags)) }),
  })

  declare({
    method: 'DELETE',
    path: `${base}/:model_id/tags/:tag_key`,
    input: OfModel.extend({ tag_key: z.string() }),
    may: ['edit', on],
    async handle({ model_id, tag_key }) {
      await loggedModels.removeTag(model_id, tag_key)
      return {}
    },
  })

  declare({
    method: 'POST',
    path: `${base}/:model_id/params`,
    input: OfModel.extend({ params: many(KeyValue) }),
    may: ['edit', on],
    async handle({ model_id, params }) {
      await loggedModels.putParams(model_id, params)
      return {}
    },
  })
}

function searchCall(loggedModels: LoggedModels, declare: Declare): void {
  declare({
    method: 'POST',
    path: `${base}/search`,
    input: z.object({
      experiment_ids: z.array(id).min(1).max(10_000),
      filter: z.string().default(''),
      datasets: many(Dataset, 100),
      max_results: int64.default(50),
      order_by: many(
        z.object({ field_name: z.string(), ascending: flag.default(true) }).extend(Dataset.partial().shape),
        ordersMax,
      ),
      page_token: z.string().optional(),
    }),
    // Experiments that the caller may not read are left out.
    may: 'anyone',
    async handle({ experiment_ids, filter, datasets, max_results, order_by, page_token }, caller) {
      const readable: string[] = []
      for (const { project, experimentId } of await loggedModels.owners(experiment_ids))
        if (await caller.mayRead({ project, kind: 'experiment', id: experimentId })) readable.push(experimentId)
      const { items, next } = await loggedModels.search({
        experimentIds: readable,
        filter,
        datasets: datasets.map(choiceOf),
        orderBy: order_by.map(({ field_name, ascending, dataset_name, dataset_digest }) => ({
          fieldName: field_name,
          ascending,
          ...(dataset_name ? { dataset: choiceOf({ dataset_name, dataset_digest }) } : {}),
        })),
        maxResults: max_results,
        pageToken: page_token,
      })
      return { models: items.map(modelOf), next_page_token: next }
    },
  })
}

const choiceOf = ({ dataset_name, dataset_digest }: z.output<typeof Dataset>) => ({
  name: dataset_name,
  ...(dataset_digest ? { digest: dataset_digest } : {}),
})

const modelOf = (model: LoggedModel): object => ({
  info: {
    model_id: model.id,
    experiment_id: model.experimentId,
    name: model.name,
    creation_timestamp_ms: model.createdAt,
    last_updated_timestamp_ms: model.updatedAt,
    artifact_uri: model.artifactUri,
    status: model.status,
    model_type: model.modelType ?? '',
    source_run_id: model.sourceRunId,
    tags: filled(model.tags),
  },
  data: { params: filled(model.params), metrics: filled(model.metrics.map(point => metricOf(model.id, point))) },
})

/** An empty list is left out, as protobuf does. */
const filled = <Item>(items: readonly Item[]): readonly Item[] | undefined => (items.length > 0 ? items : undefined)

const metricOf = (modelId: string, point: LoggedModelPoint): object => ({
  key: point.key,
  value: point.nan ? 'NaN' : point.value,
  timestamp: point.timestamp,
  step: int64Json(point.step),
  dataset_name: point.datasetName,
  dataset_digest: point.datasetDigest,
  model_id: modelId,
  run_id: point.run,
})
