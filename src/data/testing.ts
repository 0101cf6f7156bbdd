import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
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
import { secretMigrations, type Secrets } from '#secrets'
import { testSecrets } from '#secrets/testing.ts'
import {
  createDuckdb,
  createOutbox,
  fsBlobs,
  outboxMigrations,
  putTree,
  type Blobs,
  type Db,
  type Duckdb,
  type Migration,
} from '#storage'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import type { Artifacts, Params, PlatformTask, Run, TaskResult } from '#workflow'
import { createData, type Data } from './data.ts'
import type { DataDeps } from './ingest.ts'
import { sqlDataStore } from './store.sql.ts'
import { dataMigrations } from './tables.ts'
import { dataTasks } from './tasks.ts'

/** The component over real tables, blobs and DuckDB, with a project that the test declares. */
export interface TestBed {
  readonly db: Db
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  readonly ledger: Ledger
  readonly projects: Projects
  readonly secrets: Secrets
  readonly deps: DataDeps
  readonly data: Data
  /** Absolute, and gone after the test. */
  readonly folder: string
  /** Applies a project with these sources and files of code. */
  declare(spec: Partial<ProjectFileInput>, files?: Readonly<Record<string, string>>): Promise<void>
  /** Calls a platform task as the workflow would. */
  call(
    name: string,
    given?: { params?: Params; inputs?: Artifacts; key?: string },
  ): Promise<Extract<TaskResult, { outputs?: Artifacts }>>
  /** The lines that tasks have logged. */
  readonly lines: string[]
  events(): Promise<readonly Event[]>
}

/** Starting it takes 0.2 s: one for all tests of the process. */
const duckdb = createDuckdb()
after(() => duckdb.stop())

export const startedAt = 1_700_000_000_000
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

export async function openBed(
  t: TestContext,
  {
    engine = sqlite!,
    migrations = [],
    tasks = () => ({}),
  }: {
    engine?: TestEngine
    migrations?: readonly Migration[]
    tasks?: (bed: TestBed) => Record<string, PlatformTask>
  } = {},
): Promise<TestBed> {
  const db = await engine.open(t, [
    ...outboxMigrations,
    ...secretMigrations,
    ...projectMigrations,
    ...metadataMigrations,
    ...dataMigrations,
    ...migrations,
  ])
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-data-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const clock = manualClock(startedAt)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const projects = createProjects({ store: sqlProjectStore(db), outbox, blobs, clock })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const secrets = testSecrets({ db, outbox, clock })
  const deps: DataDeps = {
    store: sqlDataStore(db),
    blobs,
    duckdb,
    projects,
    ledger,
    outbox,
    clock,
    secrets,
    workFolder: join(folder, 'work'),
  }
  const lines: string[] = []
  let handlers: Record<string, PlatformTask> = {}

  const bed: TestBed = {
    db,
    blobs,
    duckdb,
    ledger,
    projects,
    deps,
    secrets,
    data: createData(deps),
    folder,
    lines,
    async declare(spec, files = {}) {
      const code = await putTree(blobs, await writeFiles(await mkdtemp(join(folder, 'code-')), files))
      await projects.apply({ spec: { name: 'rain', objective, ...spec }, code, actor: 'ada' })
    },
    async call(name, { params = {}, inputs = {}, key = newId('key') } = {}) {
      const run = testRun(await projects.current('rain'))
      const signal = AbortSignal.timeout(30_000)
      const call = { run, task: name, taskId: newId<'task'>('tsk'), params, inputs, key, signal, metric: () => {} }
      const result = await handlers[name]!({ ...call, number: 1, log: line => void lines.push(line) })
      if ('waitMs' in result) throw new Error('The task waits.')
      return result
    },
    events: () => outbox.after(0, 100),
  }
  handlers = { ...dataTasks(deps), ...tasks(bed) }
  return bed
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
  createdAt: startedAt as Run['createdAt'],
})

/** The error of a promise that must fail, as a client would see it. */
export async function refusal(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; detail: Record<string, unknown> }> {
  const error = await promise.then(
    () => ({ code: 'none', message: 'Nothing was refused.', detail: {} }),
    (thrown: unknown) => thrown,
  )
  const { code, message, detail } = error as { code: string; message: string; detail: Record<string, unknown> }
  return { code, message, detail }
}

/** Rows as CSV. */
export const csv = (header: string, rows: readonly (readonly unknown[])[]): string =>
  `${[header, ...rows.map(row => row.join(','))].join('\n')}\n`
