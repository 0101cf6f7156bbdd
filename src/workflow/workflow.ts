import type { Clock } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import type { Ledger } from '#metadata'
import type { Projects, RoomAt } from '#project'
import { createSignal, type Blobs, type Outbox, type WakeUps } from '#storage'
import type { Tracking } from '#tracking'
import type { Secrets } from '#secrets'
import { createAdmissions } from './admission.ts'
import { createAnnouncer } from './announce.ts'
import { createBackfills, type Backfills } from './backfills.ts'
import { createControl, type RunControl } from './control.ts'
import { tellMissed } from './deadlines.ts'
import { machineRoom } from './host.ts'
import { createLogs } from './logs.ts'
import { createSeats } from './seats.ts'
import { createReads, type RunReads } from './reads.ts'
import { recorded, recordedTask } from './reproduction.ts'
import { poolOfQueue, type Pool, type RunId } from './run.ts'
import { endOverLimit } from './run-limits.ts'
import { createRunner } from './runner.ts'
import { createScheduler } from './scheduler.ts'
import { createSettler } from './settle.ts'
import { createStarter } from './start.ts'
import type { WorkflowStore } from './store.ts'
import type { Executor, PlatformTask } from './task.ts'
import type { Snapshot } from './changed-files.ts'
import { createTriggers, type TriggerDoor } from './triggers.ts'
import { createTurns, type Turns } from './turn.ts'

/** The paper's workflow orchestration (C3): pipelines as DAGs of tasks, run on schedules, events and demand. */
export interface Workflow extends RunControl, RunReads {
  readonly triggers: TriggerDoor
  readonly backfills: Backfills
  /** Declares who does the tasks that say `uses: name`. Before the scheduler starts. */
  provide(name: string, handler: PlatformTask): void
  /** Declares how the code of a commit is had that nobody has delivered. Before the outbox starts. */
  useSnapshot(snapshot: Snapshot): void
  /** Declares who runs users' code. Before the scheduler starts. */
  useExecutor(executor: Executor): void
  /** Takes back what a former process of this owner left behind, then runs tasks until `stop`. */
  startScheduler(): Promise<void>
  /** Ends the platform's own tasks, and those of users' code or else leaves them running for the next start to follow. */
  stop(options?: { endTasks?: boolean }): Promise<void>
}

export interface WorkflowDeps {
  readonly store: WorkflowStore
  readonly outbox: Outbox
  readonly ledger: Ledger
  /** Of users' code: its parameters and metrics. */
  readonly tracking: Pick<Tracking, 'runs' | 'log' | 'history'>
  readonly projects: Pick<Projects, 'current' | 'find' | 'revision' | 'history'>
  readonly blobs: Pick<Blobs, 'read' | 'bytes' | 'put' | 'keep'>
  /** What tasks name and are given. */
  readonly secrets: Pick<Secrets, 'use'>
  readonly clock: Clock
  /** Where logs are. */
  readonly logFolder: string
  /** Names this process and its successors: what it left running is its own to take back. No two live ones share it. */
  readonly owner: string
  /** Tasks of users' code at the same time on this machine. */
  readonly parallelTasks: number
  /** Tasks at the same time that this process follows on others; 100 when left out. */
  readonly parallelRemoteTasks?: number
  /** Where users' code runs that does not say where; `local` when left out. */
  readonly defaultExecutor?: string
  /** Tasks of the platform at the same time; 4 when left out. */
  readonly parallelPlatformTasks?: number
  /** What there is for tasks to take; when left out there are no pools, and all of this machine. */
  readonly room?: RoomAt
  /** Between the processes of one database; when left out they see each other's work a moment later. */
  readonly wakeUps?: Pick<WakeUps, 'tell' | 'hear' | 'isHearing'>
  /** How often it is looked for work that nobody has told of; see {@link Signal.pauseMs} when left out. */
  readonly pollMs?: number
  /** Limit of a task that declares none. It counts running, not waiting. */
  readonly taskTimeoutMs: number
  /** How long a stopped task of the platform may take to end before it is given up; 15 s when left out. */
  readonly graceMs?: number
  warn(facts: object, message: string): void
}

export function createWorkflow(deps: WorkflowDeps): Workflow {
  const handlers = new Map<string, PlatformTask>([[recordedTask, recorded]])
  let executor: Executor | undefined
  let snapshot: Snapshot = (_, commit) => Promise.reject(notFound('commit', commit))
  const room = deps.room ?? { pools: {}, machine: machineRoom() }
  const parts = { ...deps, room, changed: createSignal(deps.wakeUps, deps.pollMs), handlers, executor: () => executor }
  const logs = createLogs(deps.logFolder)
  const starter = createStarter(parts)
  const announcer = createAnnouncer(parts)
  const settler = createSettler({ ...parts, announcer, starter })
  const turns: Turns = createTurns({
    ...parts,
    settler,
    seats: {
      hold: ended => seats.hold(ended),
      giveBack: hold => seats.giveBack(hold),
      claim: (tx, hold) => seats.claim(tx, hold),
      fill: (claims, ended) => seats.fill(claims, ended),
    },
  })
  const runner = createRunner({ ...parts, turns, starter, logs, graceMs: deps.graceMs ?? 15_000 })
  const limits = new Map<Pool, number>([
    ['platform', deps.parallelPlatformTasks ?? 4],
    ['executor', deps.parallelTasks],
    ['remote', deps.parallelRemoteTasks ?? 100],
    ...Object.entries(room.queues ?? {}).map(([queue, seats]) => [poolOfQueue(queue), seats] as const),
  ])
  const seats = createSeats({ ...parts, runner, limits })
  const scheduler = createScheduler({
    ...parts,
    turns,
    seats,
    tick: async () => {
      await backfills.tick()
      const instants = [await triggers.tick(), await tellMissed(parts), await endOverLimit(acting)]
      const next = instants.filter(at => at !== undefined)
      return next.length > 0 ? Math.min(...next) : undefined
    },
  })
  const admissions = createAdmissions({ ...parts, settler, announcer, starter })
  const acting = { ...parts, announcer, starter, admissions, endTasks: (run: RunId) => scheduler.cancel(run) }
  const control = createControl(acting)
  const triggers = createTriggers({ ...acting, snapshot: (project, commit) => snapshot(project, commit) })
  const backfills = createBackfills(acting)
  triggers.subscribe(deps.outbox)

  return {
    ...control,
    ...createReads({ ...parts, logs, seats }),
    provide: (name, handler) => void handlers.set(name, handler),
    triggers,
    backfills,
    useSnapshot: value => {
      snapshot = value
    },
    useExecutor: value => {
      executor = value
    },
    startScheduler: () => scheduler.start(),
    stop: options => scheduler.stop(options),
  }
}
