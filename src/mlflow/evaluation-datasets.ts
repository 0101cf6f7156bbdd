import { z } from 'zod'
import type { Permission } from '#access'
import { invalid } from '#kernel/error.ts'
import type { EvaluationDataset, EvaluationDatasets, EvaluationRecord, Labels } from '#traces'
import { experimentResource } from '#tracking'
import { id, int64, many } from './field.ts'
import { isDeeper } from './input.ts'
import type { Caller, Declare } from './route.ts'
import { readable, type Experiments } from './experiment-scope.ts'

export interface DatasetCallParts {
  readonly datasets: EvaluationDatasets
  readonly experiments: Experiments
}

/** Each is looked up. */
const experimentsMax = 1_000
const OneDataset = z.object({ dataset_id: z.string() })
const Page = z.object({
  max_results: int64.pipe(z.int().min(1).max(1000)).default(1000),
  page_token: z.string().optional(),
})

/** Evaluation datasets. A dataset belongs to the project of its first experiment, or to the caller's. */
export const evaluationDatasetCalls =
  (parts: DatasetCallParts) =>
  (declare: Declare): void => {
    createCall(parts, declare)
    datasetCalls(parts, declare)
    searchCalls(parts, declare)
    tagCalls(parts, declare)
    experimentCalls(parts, declare)
    recordCalls(parts, declare)
  }

/** What a call about a dataset asks permission for. Throws `not_found` without it. */
const onDataset =
  ({ datasets }: DatasetCallParts) =>
  (permission: Permission) =>
    [
      permission,
      async ({ dataset_id }: { dataset_id: string }) => ({ project: (await datasets.get(dataset_id)).project }),
    ] as const

function createCall({ datasets, experiments }: DatasetCallParts, declare: Declare): void {
  const projectOf = async (ids: readonly string[], { workspace }: Caller): Promise<string> =>
    ids[0] === undefined ? workspace : (await experiments.get(ids[0])).project

  declare({
    method: 'POST',
    path: '3.0/mlflow/datasets/create',
    input: z.object({
      name: z.string().min(1).max(500),
      experiment_ids: many(id, experimentsMax),
      // As text, JSON of an object: a map that came plain is taken too.
      tags: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
    }),
    may: ['edit', async ({ experiment_ids }, caller) => ({ project: await projectOf(experiment_ids, caller) })],
    async handle({ name, experiment_ids, tags }, caller) {
      await requireReadable(experiments, experiment_ids, caller)
      const draft = { project: await projectOf(experiment_ids, caller), name, experimentIds: experiment_ids }
      return { dataset: datasetJson(await datasets.create({ ...draft, tags: tagsOf(tags) })) }
    },
  })
}

function datasetCalls(parts: DatasetCallParts, declare: Declare): void {
  const { datasets } = parts
  declare({
    method: 'GET',
    path: '3.0/mlflow/datasets/:dataset_id',
    input: OneDataset,
    may: onDataset(parts)('read'),
    handle: async ({ dataset_id }) => ({ dataset: datasetJson(await datasets.get(dataset_id)) }),
  })

  declare({
    method: 'DELETE',
    path: '3.0/mlflow/datasets/:dataset_id',
    input: OneDataset,
    may: 'anyone',
    // Deleted twice is deleted: only what is there for the caller asks for a permission.
    async handle({ dataset_id }, caller) {
      const dataset = await datasets.find(dataset_id)
      if (!dataset || !(await caller.mayRead({ project: dataset.project }))) return {}
      await caller.permit('manage', { project: dataset.project })
      await datasets.remove(dataset_id)
      return {}
    },
  })
}

function searchCalls({ datasets, experiments }: DatasetCallParts, declare: Declare): void {
  for (const method of ['GET', 'POST'] as const)
    declare({
      method,
      path: '3.0/mlflow/datasets/search',
      input: Page.extend({
        experiment_ids: many(id, experimentsMax),
        filter_string: z.string().optional(),
        order_by: many(z.string()),
      }),
      may: 'anyone',
      async handle({ experiment_ids, filter_string, order_by, max_results, page_token }, caller) {
        const asked = experiment_ids.length === 0 ? undefined : await readable(experiments, experiment_ids, caller)
        const { items, next } = await datasets.search({
          experiments: asked,
          filter: filter_string,
          order: order_by,
          limit: max_results,
          after: page_token || undefined,
        })
        const seen = await Promise.all(items.map(({ project }) => caller.mayRead({ project })))
        return { datasets: items.filter((_, index) => seen[index]).map(datasetJson), next_page_token: next }
      },
    })
}

function tagCalls(parts: DatasetCallParts, declare: Declare): void {
  const { datasets } = parts
  declare({
    method: 'PATCH',
    path: '3.0/mlflow/datasets/:dataset_id/tags',
    input: OneDataset.extend({ tags: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
    may: onDataset(parts)('edit'),
    handle: async ({ dataset_id, tags }) => ({ dataset: datasetJson(await datasets.tag(dataset_id, tagsOf(tags))) }),
  })

  declare({
    method: 'DELETE',
    path: '3.0/mlflow/datasets/:dataset_id/tags/:key',
    input: OneDataset.extend({ key: z.string() }),
    may: onDataset(parts)('edit'),
    async handle({ dataset_id, key }) {
      await datasets.untag(dataset_id, key)
      return {}
    },
  })
}

function experimentCalls(parts: DatasetCallParts, declare: Declare): void {
  const { datasets, experiments } = parts
  declare({
    method: 'GET',
    path: '3.0/mlflow/datasets/:dataset_id/experiment-ids',
    input: OneDataset,
    may: onDataset(parts)('read'),
    handle: async ({ dataset_id }) => ({ experiment_ids: (await datasets.get(dataset_id)).experimentIds }),
  })

  declare({
    method: 'POST',
    path: '3.0/mlflow/datasets/:dataset_id/add-experiments',
    input: OneDataset.extend({ experiment_ids: many(id) }),
    may: onDataset(parts)('edit'),
    async handle({ dataset_id, experiment_ids }, caller) {
      await requireReadable(experiments, experiment_ids, caller)
      return { dataset: datasetJson(await datasets.addExperiments(dataset_id, experiment_ids)) }
    },
  })

  declare({
    method: 'POST',
    path: '3.0/mlflow/datasets/:dataset_id/remove-experiments',
    input: OneDataset.extend({ experiment_ids: many(id) }),
    may: onDataset(parts)('edit'),
    handle: async ({ dataset_id, experiment_ids }) => ({
      dataset: datasetJson(await datasets.removeExperiments(dataset_id, experiment_ids)),
    }),
  })
}

const Members = z.record(z.string(), z.json())
const RecordList = z.array(
  z.object({
    inputs: Members,
    outputs: z.json().optional(),
    expectations: Members.nullish().transform(value => value ?? undefined),
    tags: Members.nullish().transform(value => value ?? undefined),
    source: Members.nullish().transform(value => value ?? undefined),
  }),
)

function recordCalls(parts: DatasetCallParts, declare: Declare): void {
  const { datasets } = parts
  declare({
    method: 'POST',
    path: '3.0/mlflow/datasets/:dataset_id/records',
    input: OneDataset.extend({ records: z.string(), updated_by: z.string().max(500).optional() }),
    may: onDataset(parts)('edit'),
    async handle({ dataset_id, records, updated_by }) {
      const { inserted, updated } = await datasets.upsert(dataset_id, recordsOf(records), updated_by)
      return { inserted_count: inserted, updated_count: updated }
    },
  })

  declare({
    method: 'GET',
    path: '3.0/mlflow/datasets/:dataset_id/records',
    input: OneDataset.extend(Page.shape),
    may: onDataset(parts)('read'),
    async handle({ dataset_id, max_results, page_token }) {
      const { items, next } = await datasets.records(dataset_id, { limit: max_results, after: page_token || undefined })
      return { records: JSON.stringify(items.map(recordJson)), next_page_token: next }
    },
  })

  declare({
    method: 'DELETE',
    path: '3.0/mlflow/datasets/:dataset_id/records',
    input: OneDataset.extend({ dataset_record_ids: many(z.string()).pipe(z.array(z.string()).max(10_000)) }),
    may: onDataset(parts)('edit'),
    handle: async ({ dataset_id, dataset_record_ids }) => ({
      deleted_count: await datasets.removeRecords(dataset_id, dataset_record_ids),
    }),
  })
}

function recordsOf(text: string): z.output<typeof RecordList> {
  const result = RecordList.safeParse(jsonOf('records', text))
  if (result.success) return result.data
  const { path, message } = result.error.issues[0]!
  throw invalid('The records are not accepted.', [{ field: `records.${path.join('.')}`, allowed: message }])
}

function jsonOf(field: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (!isDeeper(value)) return value
  } catch {
    // Told below, as what is nested too deep.
  }
  throw invalid(`The field ${field} cannot be read.`, [{ field, value: text, allowed: 'JSON text, not nested deep' }])
}

/** Values that are no text are written as JSON; null is no value. */
function tagsOf(tags: string | Readonly<Record<string, unknown>> | undefined): Labels {
  const value = typeof tags === 'string' && tags !== '' ? jsonOf('tags', tags) : tags || {}
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid('The tags are not accepted.', [{ field: 'tags', value, allowed: 'JSON text of an object' }])
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, tag]) =>
      tag === null ? [] : [[key, typeof tag === 'string' ? tag : JSON.stringify(tag)]],
    ),
  )
}

async function requireReadable(experiments: Experiments, ids: readonly string[], caller: Caller): Promise<void> {
  for (const each of new Set(ids)) await caller.permit('read', experiments.get(each).then(experimentResource))
}

const datasetJson = (dataset: EvaluationDataset): object => ({
  dataset_id: dataset.id,
  name: dataset.name,
  tags: JSON.stringify(dataset.tags),
  schema: dataset.schema && JSON.stringify(dataset.schema),
  profile: dataset.recordCount === 0 ? undefined : JSON.stringify({ num_records: dataset.recordCount }),
  digest: dataset.digest,
  created_time: dataset.createdAt,
  last_update_time: dataset.updatedAt,
  created_by: dataset.createdBy,
  last_updated_by: dataset.updatedBy,
  experiment_ids: dataset.experimentIds,
})

function recordJson({ source, ...record }: EvaluationRecord): object {
  const data = source?.['source_data'] as Readonly<Record<string, unknown>> | undefined
  const type = source?.['source_type']
  return {
    dataset_record_id: record.id,
    dataset_id: record.datasetId,
    inputs: record.inputs,
    outputs: record.outputs ?? undefined,
    expectations: record.expectations,
    tags: record.tags ?? {},
    source,
    source_id: (type === 'TRACE' ? data?.['trace_id'] : data?.['source_id']) ?? undefined,
    source_type: type,
    created_time: record.createdAt,
    last_update_time: record.updatedAt,
    created_by: record.createdBy,
    last_updated_by: record.updatedBy,
  }
}
