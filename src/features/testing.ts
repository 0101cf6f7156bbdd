import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { createData, dataMigrations, dataTasks, sqlDataStore, type Data } from '#data'
import { manualClock, type Millis } from '#kernel/clock.ts'
import type { Event } from '#kernel/event.ts'
import { newId } from '#kernel/id.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import {
  createProjects,
  projectMigrations,
  sqlProjectStore,
  type ProjectFileInput,
  type Projects,
  type Revision,
} from '#project'
import {
  createDuckdb,
  createOutbox,
  fsBlobs,
  literal,
  outboxMigrations,
  putTree,
  type Blobs,
  type Duckdb,
  type Row,
} from '#storage'
import { testEngines } from '#storage/testing.ts'
import type { Artifact, Artifacts, Params, Run, TaskResult } from '#workflow'
import type { FeatureDeps } from './compute.ts'
import { createFeatures, type Features } from './features.ts'
import { openOnlineStore } from './online-store.sql.ts'
import type { OnlineStore } from './online-store.ts'
import { sqlFeatureStore } from './store.sql.ts'
import { featureMigrations } from './tables.ts'
import { featureTasks } from './tasks.ts'

/** The component over real tables, blobs, DuckDB and an online store in a file. */
export interface TestBed {
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly ledger: Ledger
  readonly projects: Projects
  readonly data: Data
  readonly deps: FeatureDeps
  readonly features: Features
  readonly online: OnlineStore
  /** Where the online store is. */
  readonly onlineUrl: string
  /** The lines that tasks have logged. */
  readonly lines: string[]
  declare(spec: Partial<ProjectFileInput>, files: Readonly<Record<string, string>>): Promise<void>
  /** Calls a platform task as the workflow would. */
  call(name: string, given?: { params?: Params; inputs?: Artifacts; key?: string }): Promise<Called>
  /** Ingests the source and answers the dataset version. */
  dataset(source: string): Promise<Artifact>
  /** The rows of a Parquet or CSV blob. */
  rows(artifact: Artifact | undefined, format?: 'parquet' | 'csv'): Promise<readonly Row[]>
  events(): Promise<readonly Event[]>
}

export interface Called {
  readonly outputs: Artifacts
  readonly metrics: Readonly<Record<string, number>>
}

/** Starting it takes 0.2 s: one for all tests of the process. */
const duckdb = createDuckdb()
after(() => duckdb.stop())

export const startedAt = Date.UTC(2016, 0, 1)
const [sqlite] = testEngines()
const objective = {
  goal: 'Dry people.',
  kpi: 'Umbrellas.',
  task: 'binary_classification',
  target: 'rain',
  metric: 'brier',
  threshold: 0.25,
  owners: {},
} as const
const migrations = [
  ...outboxMigrations,
  ...projectMigrations,
  ...metadataMigrations,
  ...dataMigrations,
  ...featureMigrations,
]

export async function openBed(t: TestContext): Promise<TestBed> {
  const db = await sqlite!.open(t, migrations)
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-features-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const clock = manualClock(startedAt)
  const onlineUrl = `sqlite:${join(folder, 'online.db')}`
  const online = await openOnlineStore(onlineUrl, clock)
  t.after(() => online.close())
  const blobs = fsBlobs(join(folder, 'blobs'))
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const projects = createProjects({ store: sqlProjectStore(db), outbox, blobs, clock })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const common = {
    blobs,
    duckdb,
    projects,
    ledger,
    outbox,
    clock,
    secrets: { use: async () => ({}) },
    workFolder: join(folder, 'work'),
  }
  const dataDeps = { ...common, store: sqlDataStore(db) }
  const data = createData(dataDeps)
  const deps: FeatureDeps = { ...common, store: sqlFeatureStore(db), online, data }
  const handlers = { ...dataTasks(dataDeps), ...featureTasks(deps) }
  const lines: string[] = []

  const bed: TestBed = {
    ...common,
    data,
    deps,
    features: createFeatures(deps),
    online,
    onlineUrl,
    lines,
    async declare(spec, files) {
      const code = await putTree(blobs, await writeFiles(await mkdtemp(join(folder, 'code-')), files))
      await projects.apply({ spec: { name: 'rain', objective, ...spec }, code, actor: 'ada' })
    },
    async call(name, { params = {}, inputs = {}, key = newId('key') } = {}) {
      const run = testRun(await projects.current('rain'))
      const signal = AbortSignal.timeout(30_000)
      const call = { run, task: name, taskId: newId<'task'>('tsk'), params, inputs, key, signal, metric: () => {} }
      return finished(await handlers[name]!({ ...call, number: 1, log: line => void lines.push(line) }))
    },
    dataset: async source => (await bed.call('data.ingest', { params: { source } })).outputs['dataset']!,
    async rows(artifact, format = 'parquet') {
      return duckdb.query([`select * from read_${format}(${literal(await blobs.path(artifact!.digest!))})`])
    },
    events: () => outbox.after(0, 100),
  }
  return bed
}

function finished(result: TaskResult): Called {
  if ('waitMs' in result) throw new Error('The task waits.')
  return { outputs: result.outputs ?? {}, metrics: result.metrics ?? {} }
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

const testRun = ({ id: revision, project }: Revision): Run => ({
  id: newId<'run'>('run'),
  project,
  pipeline: 'training',
  revision,
  params: {},
  cause: { kind: 'manual', reason: 'Test.' },
  actor: 'ada',
  state: 'running',
  createdAt: startedAt as Millis,
})

/** Code and message of the error of a promise that must fail. */
export async function refusal(promise: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await promise.then(
    () => ({ code: 'none', message: 'Nothing was refused.' }),
    (thrown: unknown) => thrown,
  )
  const { code, message } = error as { code: string; message: string }
  return [code, message]
}

/** Daily rain of some cities: what most tests here compute features from. */
export const shop = {
  sources: { days: { type: 'csv' as const, path: 'days.csv', key: ['city', 'day'], eventTime: 'day' } },
  entities: { city: { key: 'city' } },
  features: {
    daily: { entity: 'city', source: 'days', transform: 'transform.sql', engineer: 'engineer.sql', maxAge: '3d' },
  },
  labels: { tomorrow: { source: 'days', sql: 'label.sql' } },
  services: { rain: { features: ['daily'] } },
} satisfies Partial<ProjectFileInput>

export const rules = {
  'transform.sql': `-- One row for each city and day.\nselect city, day, rain from source where rain >= 0;\n`,
  'engineer.sql': `select city, day + time '18:00' as event_time, rain,\n  sum(rain) over (partition by city order by day rows 1 preceding) as rain_2d, rain > 0 as wet\nfrom transformed`,
  'label.sql': `select city, day - 1 + time '18:00' as event_time, case when rain is not null then rain > 0 end as label, day + time '23:59' as known_at from source`,
}

/** The label `tomorrow` of the days with the features of the day. */
export async function joinRain(bed: TestBed): Promise<Called> {
  const dataset = await bed.dataset('days')
  const { outputs } = await bed.call('features.compute', { params: { view: 'daily' }, inputs: { dataset } })
  return bed.call('features.training-set', {
    params: { service: 'rain', label: 'tomorrow' },
    inputs: { dataset, daily: outputs['features']! },
  })
}

export const at = (text: string): Millis => Date.parse(text) as Millis
