import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger } from '#metadata'
import { createProjects, projectMigrations, sqlProjectStore, type Projects } from '#project'
import { secretMigrations } from '#secrets'
import { noSecrets, testVault } from '#secrets/testing.ts'
import { createOutbox, fsBlobs, outboxMigrations, type Db, type Outbox } from '#storage'
import { createTracking, loggedModelMigrations, sqlTrackingStores, trackingMigrations, type Tracking } from '#tracking'
import type { Run, RunTask, TaskRun } from './run.ts'
import { sqlWorkflowStore } from './store.sql.ts'
import type { WorkflowStore } from './store.ts'
import { workflowMigrations } from './migrations.ts'
import { createWorkflow, type Workflow, type WorkflowDeps } from './workflow.ts'

/*
 * What tests and benchmarks compose. It loads no test runner: that one follows every promise, which costs a measured process
 * half of its time.
 */

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

/** What a bed may have another way. */
export type BedDeps = Partial<
  Pick<
    WorkflowDeps,
    | 'wakeUps'
    | 'pollMs'
    | 'owner'
    | 'secrets'
    | 'parallelTasks'
    | 'parallelRemoteTasks'
    | 'parallelPlatformTasks'
    | 'taskTimeoutMs'
    | 'graceMs'
    | 'room'
  >
>

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
  deps?: BedDeps | undefined
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

const bare = { inputs: {}, outputs: [], params: {}, after: [], retries: 0 }

/** A task of the platform with all that may be left out left out. */
export const task = (uses: string, more: Partial<RunTask> = {}): RunTask => ({ uses, ...bare, ...more })
export const command = (run: string, more: Partial<RunTask> = {}): RunTask => ({ run, ...bare, ...more })
