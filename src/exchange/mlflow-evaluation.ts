import type { EvaluationDataset } from '#traces'
import type { MlflowClient } from './mlflow-client.ts'
import { isMissing, pagesOf } from './mlflow-pages.ts'
import type { CarriedEvaluationDataset, CarriedEvaluationRecord } from './record.ts'

const datasets = '/api/3.0/mlflow/datasets'
const recordsPerPage = 500

interface DatasetJson {
  readonly dataset_id: string
  readonly name: string
  /** JSON of an object, and of {@link EvaluationDataset.schema}. */
  readonly tags?: string
  readonly schema?: string
  readonly digest?: string
  readonly created_time: number
  readonly last_update_time: number
  readonly created_by?: string
  readonly last_updated_by?: string
}

interface RecordJson {
  readonly dataset_record_id: string
  readonly inputs: CarriedEvaluationRecord['inputs']
  readonly outputs?: unknown
  readonly expectations?: CarriedEvaluationRecord['expectations'] | null
  readonly tags?: CarriedEvaluationRecord['tags'] | null
  readonly source?: CarriedEvaluationRecord['source'] | null
  readonly created_time: number
  readonly last_update_time: number
  readonly created_by?: string | null
  readonly last_updated_by?: string | null
}

/** All evaluation datasets of a server; those before 3.4 have none. */
export async function* readEvaluationDatasets(client: MlflowClient): AsyncIterable<CarriedEvaluationDataset> {
  const pages = pagesOf<DatasetJson, 'datasets'>('datasets', token =>
    client
      .post<{ datasets?: DatasetJson[]; next_page_token?: string }>(`${datasets}/search`, {
        max_results: 100,
        order_by: ['created_time ASC'],
        ...(token && { page_token: token }),
      })
      .catch((error: unknown) => {
        if (isMissing(error)) return {}
        throw error
      }),
  )
  for await (const page of pages) {
    for (const dataset of page) {
      const { experiment_ids = [] } = await client.get<{ experiment_ids?: readonly string[] }>(
        `${datasets}/${dataset.dataset_id}/experiment-ids`,
        {},
      )
      yield toDataset(dataset, experiment_ids)
    }
  }
}

export async function* readEvaluationRecords(
  client: MlflowClient,
  id: string,
): AsyncIterable<readonly CarriedEvaluationRecord[]> {
  const pages = pagesOf<RecordJson, 'records'>('records', async token => {
    const { records, next_page_token } = await client.get<{ records?: string; next_page_token?: string }>(
      `${datasets}/${id}/records`,
      { max_results: recordsPerPage, page_token: token },
    )
    return {
      records: JSON.parse(records || '[]') as RecordJson[],
      ...(next_page_token !== undefined && { next_page_token }),
    }
  })
  for await (const page of pages) yield page.map(toRecord)
}

type Instant = EvaluationDataset['createdAt']

const toDataset = (json: DatasetJson, experimentIds: readonly string[]): CarriedEvaluationDataset => ({
  id: json.dataset_id,
  name: json.name,
  digest: json.digest ?? '',
  ...(json.schema ? { schema: JSON.parse(json.schema) as NonNullable<EvaluationDataset['schema']> } : {}),
  tags: textsOf(JSON.parse(json.tags || '{}') as Record<string, unknown>),
  experimentIds,
  ...stamps(json),
})

const toRecord = (json: RecordJson): CarriedEvaluationRecord => ({
  id: json.dataset_record_id,
  inputs: json.inputs,
  ...(json.outputs === undefined ? {} : { outputs: json.outputs }),
  ...(json.expectations ? { expectations: json.expectations } : {}),
  ...(json.tags ? { tags: json.tags } : {}),
  ...(json.source ? { source: json.source } : {}),
  ...stamps(json),
})

const stamps = (json: DatasetJson | RecordJson): Pick<CarriedEvaluationDataset, 'createdAt' | 'updatedAt'> => ({
  createdAt: json.created_time as Instant,
  updatedAt: json.last_update_time as Instant,
  ...(json.created_by ? { createdBy: json.created_by } : {}),
  ...(json.last_updated_by ? { updatedBy: json.last_updated_by } : {}),
})

/** Values that are no text are kept as JSON; null is no value. */
const textsOf = (tags: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) =>
      value === null ? [] : [[key, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  )
