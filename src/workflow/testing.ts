import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { wallClock, type Clock } from '#kernel/clock.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import { createProjects, projectMigrations, sqlProjectStore, type Projects } from '#project'
import { secretMigrations } from '#secrets'
import { noSecrets, testVault } from '#secrets/testing.ts'
import { createOutbox, fsBlobs, outboxMigrations, type Db, type Outbox } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { createTracking, loggedModelMigrations, sqlTrackingStores, trackingMigrations, type Tracking } from '#tracking'
import type { Run, RunTask, TaskRun } from './run.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import type { WorkflowStore } from './store.ts'
import { workflowMigrations } from './tables.ts'
import type { Executor, PlatformTask } from './task.ts'
import { createWorkflow, type Workflow, type WorkflowDeps } from './workflow.ts'

/** A workflow over real tables, with handlers of the test's own. */
export interface TestBed {
  readonly db: Db
  readonly store: WorkflowStore
  readonly ledger: Ledger
  readonly tracking: Tracking
  readonly outbox: Outbox
  readonly projects: Projects
  readonly workflow: Workflow
  readonly folder: string
  /** What the workflow warned of. */
  readonly warnings: string[]
  /** Starts a pipeline of the platform and answers the run when it has ended. */
  run(tasks: Readonly<Record<string, RunTask>>): Promise<Run>
  /** Name and state of each task. */
  states(run: string): Promise<Readonly<Record<string, TaskRun['state']>>>
  /** Types of the workflow's events so far, in order. */
  events(): Promise<readonly string[]>
}

/** What a project must have; nothing here is about it. */
export const objective = {
  goal: 'Dry feet.',
  kpi: 'Wet feet.',
  task: 'regression',
  target: 'rain',
  metric: 'mae',
  threshold: 1,
  owners: {},
} as const

export const migrations = [
  ...outboxMigrations,
  ...projectMigrations,
  ...metadataMigrations,
  ...trackingMigrations,
  ...loggedModelMigrations,
  ...secretMigrations,
  ...workflowMigrations,
]

export interface BedOptions {
  readonly handlers?: Readonly<Record<string, PlatformTask>>
  readonly executor?: Executor
  readonly clock?: Clock
  /** The tables of an earlier bed: this one is then its successor, or a neighbour. */
  readonly over?: Pick<TestBed, 'db' | 'folder'>
  readonly deps?: Partial<
    Pick<
      WorkflowDeps,
      | 'wakeUps'
      | 'pollMs'
      | 'owner'
      | 'secrets'
      | 'parallelTasks'
      | 'parallelPlatformTasks'
      | 'taskTimeoutMs'
      | 'graceMs'
      | 'room'
    >
  >
  /** Whether the scheduler runs from the start. */
  readonly isStopped?: boolean
}

const [sqlite] = testEngines()

/** On SQLite; the store's contract is what says that the other engines do the same. */
export async function openBed(
  t: TestContext,
  { handlers = {}, executor, clock = wallClock, over, deps = {}, isStopped = false }: BedOptions = {},
): Promise<TestBed> {
  // First of all that is taken down: without its database it would try again for as long as a lease lasts.
  t.after(() => bed.workflow.stop())
  const db = over?.db ?? (await sqlite!.open(t, migrations))
  const folder = over?.folder ?? (await testFolder(t))
  const bed = compose({ db, folder, clock, deps })
  for (const [name, handler] of Object.entries(handlers)) bed.workflow.provide(name, handler)
  if (executor) bed.workflow.useExecutor(executor)
  if (!isStopped) await bed.workflow.startScheduler()
  return bed
}

export async function testFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-workflow-'))
  // A task that is being stopped may still write its last line.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Everything but the scheduler's start: what a process composes. */
export function compose({
  db,
  folder,
  clock,
  deps,
}: {
  db: Db
  folder: string
  clock: Clock
  deps: BedOptions['deps']
}): TestBed {
  const warnings: string[] = []
  const warn = (facts: object, message: string): void =>
    void warnings.push(`${message}: ${String('err' in facts ? facts.err : '')}`)
  const blobs = fsBlobs(join(folder, 'blobs'))
  const outbox = createOutbox({ db, clock, owner: deps?.owner ?? 'test', warn })
  const ledger = createLedger({ store: sqlLedgerStore(db), clock })
  const projects = createProjects({ store: sqlProjectStore(db), outbox, blobs, clock })
  const tracking = createTracking({ db, clock, ledger, stores: sqlTrackingStores(db), isProject: async () => true })
  const store = sqlWorkflowStore(db, testVault(db))
  const workflow = createWorkflow({
    store,
    outbox,
    ledger,
    tracking,
    projects,
    blobs,
    clock,
    secrets: noSecrets,
    logFolder: join(folder, 'logs'),
    owner: 'test',
    parallelTasks: 2,
    taskTimeoutMs: 30_000,
    graceMs: 500,
    ...deps,
    warn,
  })
  return {
    db,
    store,
    ledger,
    tracking,
    outbox,
    projects,
    workflow,
    folder,
    warnings,
    async run(tasks) {
      const { id } = await workflow.start({
        project: 'rain',
        pipeline: 'test',
        tasks,
        cause: { kind: 'manual', reason: 'A test.' },
      })
      return workflow.settled(id, { timeoutMs: 60_000 })
    },
    states: async run => Object.fromEntries((await store.listTasks(run)).map(task => [task.name, task.state])),
    events: async () =>
      (await outbox.after(0, 1_000)).map(event => event.type).filter(type => type.startsWith('workflow.')),
  }
}

/** A task of the platform with all that may be left out left out. */
export const task = (uses: string, more: Partial<RunTask> = {}): RunTask => ({
  uses,
  inputs: {},
  outputs: [],
  params: {},
  after: [],
  retries: 0,
  ...more,
})
export const command = (run: string, more: Partial<RunTask> = {}): RunTask => ({
  run,
  inputs: {},
  outputs: [],
  params: {},
  after: [],
  retries: 0,
  ...more,
})

/** Runs attempts in this process: nothing of them outlives it. */
export const inProcess = (execute: Executor['execute']): Executor => ({
  execute,
  adopt: () => Promise.reject(new Error('There is nothing to adopt.')),
  canReach: async () => false,
  reap: async () => {},
})

/** Looks until it holds, for half a minute at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds());) {
    if (Date.now() > end) throw new Error('It never came true.')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
