import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { wallClock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { TrainyardError } from '#kernel/error.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import { createProjects, projectMigrations, sqlProjectStore, type ProjectFileInput, type Projects } from '#project'
import {
  createOnnx,
  createProductionRule,
  createRegistry,
  registryMigrations,
  sqlModelStore,
  type Registry,
} from '#registry'
import { createRepositories, sourceMigrations, sqlRepositoryStore, type Repositories } from '#source'
import {
  checkoutTree,
  createDuckdb,
  createOutbox,
  fsBlobs,
  outboxMigrations,
  type Blobs,
  type Db,
  type Outbox,
} from '#storage'
import type { Check } from '#serving'
import { testEngines } from '#storage/testing.ts'
import {
  createWorkflow,
  sqlWorkflowStore,
  workflowMigrations,
  type Execution,
  type Executor,
  type Run,
  type Workflow,
} from '#workflow'
import { createDelivery, type Delivery } from './delivery.ts'
import { fakeServing, type FakeServing } from './fake-serving.ts'
import type { DeliveryParts } from './parts.ts'
import { sqlDeliveryStore } from './store.sql.ts'
import { deliveryMigrations } from './tables.ts'

/** Delivery among the real components; only serving, which needs a model server, and environments are stood in for. */
export interface Bench {
  readonly folder: string
  readonly blobs: Blobs
  readonly db: Db
  readonly outbox: Outbox
  readonly ledger: Ledger
  readonly projects: Projects
  readonly registry: Registry
  readonly repositories: Repositories
  readonly workflow: Workflow
  readonly delivery: Delivery
  readonly serving: FakeServing
  readonly rehearsal: { checks: Check[]; bundles: Digest[]; replays: unknown[]; programmes: unknown[] }
  /** Commits files to main and pushes them past HTTP, then lets the platform see it. Answers the commit. */
  push(files: Readonly<Record<string, string>>): Promise<string>
  /** The runs of a pipeline once all that was announced is handled and they have ended, oldest first. */
  ended(pipeline: string): Promise<readonly Run[]>
  /** The data of the events of one type, oldest first. */
  events(type: string): Promise<unknown[]>
  logOf(run: Run, task: string): Promise<string>
}

const migrations = [
  ...outboxMigrations,
  ...projectMigrations,
  ...metadataMigrations,
  ...sourceMigrations,
  ...workflowMigrations,
  ...registryMigrations,
  ...deliveryMigrations,
]
const clock = wallClock
const warn = (): void => {}

/** No trigger here has a secret. */
const noVault = { seal: async (text: string) => text, open: async (sealed: string) => sealed }

/** Tracking runs are not what delivery is about. */
const untracked = {
  runs: { begin: async () => 'a'.repeat(32), end: async () => {} },
  log: { add: async () => {} },
} as never

export async function openBench(t: TestContext): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-delivery-'))
  const parts = components(folder, await testEngines()[0]!.open(t, migrations))
  const { outbox, workflow } = parts
  outbox.subscribe('delivery', parts.delivery.handlers)
  for (const [name, handler] of Object.entries(parts.delivery.tasks)) workflow.provide(name, handler)
  workflow.useExecutor(shellExecutor(parts.blobs, folder))
  await workflow.startScheduler()
  outbox.start()
  t.after(async () => {
    await workflow.stop()
    await outbox.stop()
    parts.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const runsOf = async (pipeline: string): Promise<readonly Run[]> =>
    (await workflow.runs({ project: 'rain', pipeline }, { limit: 50 })).items.toReversed()
  return {
    ...parts,
    push: files => push(folder, parts.repositories, files),
    async ended(pipeline) {
      await outbox.settled()
      for (const run of await runsOf(pipeline)) await workflow.settled(run.id, { timeoutMs: 60_000 })
      await outbox.settled()
      return runsOf(pipeline)
    },
    events: async type => (await outbox.after(0, 500)).filter(event => event.type === type).map(event => event.data),
    async logOf(run, task) {
      const found = (await workflow.tasks(run.id)).find(({ name }) => name === task)
      return found ? (await workflow.log(found.id, 0)).text : ''
    },
  }
}

function components(folder: string, db: Db) {
  const blobs = fsBlobs(join(folder, 'blobs'))
  const outbox = createOutbox({ db, clock, owner: 'test', warn })
  const [duckdb, onnx] = [createDuckdb(), createOnnx()]
  const common = { db, outbox, blobs, clock, warn, duckdb }
  const ledger = createLedger({ ...common, store: sqlLedgerStore(db) })
  const projects = createProjects({ ...common, store: sqlProjectStore(db) })
  const registry = createRegistry({
    ...common,
    store: sqlModelStore(db),
    ledger,
    production: createProductionRule(projects),
    onnx,
  })
  const store = sqlRepositoryStore(db)
  const repositories = createRepositories({ ...common, store, folder: join(folder, 'repositories'), baseUrl: () => '' })
  const limits = { parallelTasks: 2, taskTimeoutMs: 60_000 }
  const about = {
    store: sqlWorkflowStore(db, noVault),
    ledger,
    projects,
    dataFolder: folder,
    logFolder: join(folder, 'logs'),
    owner: 'test',
  }
  const workflow = createWorkflow({
    ...common,
    ...limits,
    ...about,
    tracking: untracked,
    secrets: { use: async () => ({}) },
  })
  const serving = fakeServing()
  const rehearsal = fakeRehearsal()
  const known = { ledger, projects, registry, repositories, workflow }
  const delivery = createDelivery({
    ...common,
    ...known,
    store: sqlDeliveryStore(db),
    serving,
    features: { resolveService: async () => ({ entityKey: 'city', views: [] }) },
    outcomes: async () => ({ differences: [] }),
    workFolder: join(folder, 'tmp'),
    lookEveryMs: 20,
    ...pythonless,
    truths: async ids => new Map(ids.map(id => [id, 1])),
    rehearse: rehearsal.rehearse,
  })
  const stop = (): void => {
    duckdb.stop()
    onnx.stop()
  }
  return {
    serving,
    folder,
    db,
    blobs,
    outbox,
    ledger,
    projects,
    registry,
    repositories,
    workflow,
    delivery,
    rehearsal,
    stop,
  }
}

/** Rehearsals as they are asked for; all of them find the same. */
function fakeRehearsal(): Bench['rehearsal'] & Pick<DeliveryParts, 'rehearse'> {
  const made: ReturnType<typeof fakeRehearsal> = {
    checks: [{ name: 'golden', passed: true, found: 'equal' }],
    bundles: [],
    replays: [],
    programmes: [],
    async rehearse(bundle, _, { replay, ...programme }) {
      made.bundles.push(bundle)
      made.replays.push(replay)
      made.programmes.push(programme)
      return { checks: made.checks }
    },
  }
  return made
}

/** Models in Python are tested with real ones elsewhere: here all of them answer 1. */
const pythonless: Pick<DeliveryParts, 'lockRequirements' | 'probe' | 'convert' | 'conversions' | 'dataBehind'> = {
  conversions: 'deployment',
  dataBehind: async () => [],
  convert: async () => Promise.reject(new Error('There is no Python here.')),
  lockRequirements: async ({ requirements }) => requirements,
  probe: async ({ rows }) => ({
    outputs: [{ name: 'output', datatype: 'INT64', shape: [-1] }],
    golden: rows.map(inputs => ({ inputs, outputs: { output: 1 } })),
  }),
}

const git = promisify(execFile)

async function push(
  folder: string,
  repositories: Repositories,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const work = join(folder, 'work')
  const run = async (...args: string[]): Promise<string> =>
    (await git('git', ['-C', work, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args])).stdout.trim()
  await repositories.create('rain')
  const place = (await repositories.place('rain'))!
  await mkdir(work, { recursive: true })
  await run('init', '--quiet', '--initial-branch=main')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(work, name)), { recursive: true })
    await writeFile(join(work, name), text)
  }
  await run('add', '.')
  await run('commit', '--quiet', '--allow-empty', '--message', `Write ${Object.keys(files).join(', ')}`)
  await run('push', '--quiet', place.folder, 'main')
  await repositories.scan({ project: 'rain', actor: 'ada' })
  return run('rev-parse', 'HEAD')
}

/** Runs a command in a checkout with no environment of its own. */
function shellExecutor(blobs: Blobs, folder: string): Executor {
  return {
    async execute({ id, spec, code, log }): Promise<Execution> {
      const cwd = join(folder, 'attempts', id)
      await checkoutTree(blobs, code!, cwd)
      const child = spawn('/bin/sh', ['-c', spec.run!], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
      child.stdout.on('data', (chunk: Buffer) => log(chunk.toString().trim()))
      const [exit] = (await once(child, 'close')) as [number]
      if (exit !== 0)
        throw new TrainyardError('task_failed', `The command ended with exit code ${exit}.`, { cause: 'exit', exit })
      return { outputs: {}, metrics: [], facts: {} }
    },
    adopt: () => Promise.reject(new Error('There is nothing to adopt.')),
    canReach: async () => false,
    reap: async () => {},
  }
}

/** A small project that can be pushed. */
export const rain = (change: Partial<ProjectFileInput> = {}): ProjectFileInput => ({
  name: 'rain',
  objective: {
    goal: 'Tell whether it rains.',
    kpi: 'Umbrellas',
    task: 'binary_classification',
    target: 'rain',
    metric: 'brier',
    threshold: 0.2,
    owners: {},
  },
  sources: { weather: { type: 'csv' } },
  entities: { city: { key: 'city' } },
  features: { daily: { entity: 'city', source: 'weather', transform: 'a.sql', engineer: 'b.sql' } },
  labels: { rain: { source: 'weather', sql: 'c.sql' } },
  services: { rain: { features: ['daily'] } },
  pipelines: { training: { tasks: { train: { run: 'true', outputs: ['model'] } } } },
  models: {
    rain: {
      pipeline: 'training',
      service: 'rain',
      label: 'rain',
      gate: { metric: 'brier', threshold: 0.2 },
      serving: 'serving/answer.ts',
    },
  },
  deployments: { rain: { model: 'rain', canary: { weight: 10, dwell: '0s', requestsMin: 60, maxDuration: '1h' } } },
  ...change,
})

export const files = {
  'a.sql': '',
  'b.sql': '',
  'c.sql': '',
  'serving/answer.ts': 'export const postprocess = () => ({})',
  'serving/words.ts': '',
}

export const withFile = (file: unknown): Record<string, string> => ({
  ...files,
  'trainyard.ts': `import { defineProject } from 'trainyard'\nexport default defineProject(${JSON.stringify(file)})`,
})
