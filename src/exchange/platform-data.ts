import type { MlflowClient } from './mlflow-client.ts'
import { itemsOf, projectsOf } from './platform-pages.ts'
import type { CarriedFile, CarriedTable } from './record.ts'

interface VersionJson {
  readonly id: string
  readonly project: string
  readonly digest: string
  readonly rows: number
  readonly createdAt: number
  readonly columns?: readonly { readonly name: string; readonly type: string }[]
}

interface DatasetJson extends VersionJson {
  readonly source: string
  readonly version: number
  readonly raw?: string
}

interface FeaturesJson extends VersionJson {
  readonly view: string
  readonly version: number
  readonly dataset: string
  readonly transform: string
  readonly engineer: string
}

interface TrainingSetJson extends VersionJson {
  readonly service: string
  readonly label: string
  readonly dataset: string
  readonly featureVersions: readonly string[]
}

/** What projects of a server like ours have in rows, as far as the caller may read it; other servers have none. */
export async function* readTables(client: MlflowClient): AsyncIterable<CarriedTable> {
  for await (const project of projectsOf(client)) {
    const list = <Item>(name: string): AsyncIterable<Item> => itemsOf(client, `/api/v1/projects/${project}/${name}`)
    for await (const version of list<DatasetJson>('dataset-versions')) yield datasetTable(client, version)
    for await (const version of list<FeaturesJson>('feature-versions')) yield featureTable(client, version)
    for await (const set of list<TrainingSetJson>('training-sets')) yield trainingTable(client, set)
  }
}

const datasetTable = (client: MlflowClient, { source, version, raw, ...table }: DatasetJson): CarriedTable => ({
  ...aboutOf(table),
  kind: 'dataset_version',
  name: source,
  version,
  madeFrom: [],
  files: [
    fileOf(client, table, `datasets/${source}/${version}.parquet`),
    ...(raw === undefined ? [] : [fileOf(client, { ...table, digest: raw }, `datasets/${source}/${version}.raw`)]),
  ],
})

const featureTable = (client: MlflowClient, { view, version, dataset, ...table }: FeaturesJson): CarriedTable => ({
  ...aboutOf(table),
  kind: 'feature_version',
  name: view,
  version,
  madeFrom: [dataset],
  files: [
    fileOf(client, table, `features/${view}/${version}.parquet`),
    ...(['transform', 'engineer'] as const).map(rule =>
      fileOf(client, { ...table, digest: table[rule] }, `features/${view}/${version}.${rule}.sql`),
    ),
  ],
})

const trainingTable = (
  client: MlflowClient,
  { service, dataset, featureVersions, ...table }: TrainingSetJson,
): CarriedTable => ({
  ...aboutOf(table),
  kind: 'training_set',
  name: service,
  madeFrom: [dataset, ...featureVersions],
  files: [fileOf(client, table, `training-sets/${service}/${table.id}.parquet`)],
})

const aboutOf = ({ id, project, rows, createdAt, columns = [] }: VersionJson) => ({
  id,
  project,
  rows,
  createdAt,
  columns: columns.map(({ name, type }) => ({ name, type })),
})

/** Bytes are asked for with what names them: who may not read everything gets them through that. */
const fileOf = (client: MlflowClient, { id, digest }: VersionJson, path: string): CarriedFile => ({
  path,
  digest,
  open: () => client.bytes(`/api/v1/blobs/${digest}?of=${id}`),
})
