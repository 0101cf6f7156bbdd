import type { Json } from '#kernel/json.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { TrackingRunId } from '#tracking'
import type { AnyTx } from '#storage'
import type { GridTask } from './grid.ts'
import type { BackfillStore } from './backfill-store.ts'
import type { DeadlineStore } from './deadline-store.ts'
import type { LaneStore } from './lane-store.ts'
import type { RoomStore } from './room-store.ts'
import type { AttemptDetail, TaskRecord } from './record.ts'
import type {
  Artifact,
  Artifacts,
  AttemptId,
  Pool,
  Run,
  RunId,
  RunState,
  TaskId,
  TaskLine,
  TaskRun,
  TaskState,
} from './run.ts'
import type { Outcome } from './outcome.ts'
import type { TriggerStore } from './trigger-store.ts'
import type { ClaimRequest, Claim } from './claim.ts'
import type { RunDraft } from './run-draft.ts'

/**
 * Where runs are kept, and the state machine over them. Each transition is a conditional update: it happens once, and
 * whoever comes second is told so. Methods that take `tx` are steps of the caller's transaction, in which the events and
 * the lineage of the change are written too.
 *
 * Adapters must pass store.contract.ts.
 */
export interface WorkflowStore
  extends
    RunStore,
    LaneStore,
    QueueStore,
    RoomStore,
    RecordStore,
    CacheStore,
    TriggerStore,
    BackfillStore,
    DeadlineStore {
  /** Runs `work` in a transaction, and again when the database gave it up in favour of another one. */
  transaction<T>(work: (tx: AnyTx) => Promise<T>): Promise<T>
  /** How many of them it is worth having under way. */
  readonly transactionsAtOnce: number
}

export interface RunStore {
  /** Adds a run with its tasks. False, and nothing is written, when the project has a run with this key. */
  insertRun(tx: AnyTx, run: RunDraft): Promise<boolean>
  findRun(id: string): Promise<Run | undefined>
  findRunByKey(project: string, key: string): Promise<Run | undefined>
  /** Those of these runs that have ended. */
  endedRuns(ids: readonly string[]): Promise<ReadonlySet<string>>
  /** Newest first. */
  listRuns(filter: RunFilter, page: PageRequest): Promise<Page<Run>>
  /** In the order in which the pipeline names them. Inputs are what the producers have given so far. */
  listTasks(run: string): Promise<readonly TaskRun[]>
  /** The same page by page. */
  pageTaskRuns(run: string, page: PageRequest): Promise<Page<TaskRun>>
  /** One task by name or id; also one call of a task with a call for each item. */
  findTaskRun(run: string, nameOrId: string): Promise<TaskRun | undefined>
  /** The tasks of a run in short, or the calls of one of them, in order. */
  pageTasks(filter: TaskFilter, page: PageRequest): Promise<Page<TaskLine>>
  /** How many tasks of a run are in which state, calls not counted. */
  countTasks(run: string): Promise<TaskCounts>
  /** The tasks of these runs without their calls, run by run from the newest on, in the order of the pipeline: at most `limit`. */
  gridTasks(runs: readonly string[], limit: number): Promise<readonly GridTask[]>
  /** What became of the calls of a task. */
  itemsEnd(task: string): Promise<ItemsEnd>
  /** What calls of a task gave, of those that have succeeded: the next `limit` behind an index, in order. */
  itemOutputs(task: string, page: { after: number; limit: number }): Promise<readonly ItemOutputs[]>
  findTask(
    id: string,
  ): Promise<{ id: TaskId; run: RunId; name: string; state: TaskState; outputs: Artifacts } | undefined>
  /** What these tasks of a run have given, by task name. */
  outputs(run: string, names: readonly string[]): Promise<Readonly<Record<string, Producer>>>
  /** All outputs of those tasks of a run that have made them: not those that are another task's. */
  made(run: string): Promise<readonly Artifact[]>
  /** The runs that open tasks of a run are. */
  childrenOf(tx: AnyTx, run: string): Promise<readonly RunId[]>
  /**
   * Cancels all that is not running; what runs is ended by its owner. Undefined when the run has ended.
   * A repeat changes nothing.
   */
  cancel(tx: AnyTx, run: string, cancel: CancelRequest): Promise<{ run: Run; ended: boolean } | undefined>
  /**
   * Opens what did not succeed again, with fresh retries, and what runs at the end. Undefined unless the run has failed
   * or was cancelled; ended at once when there is nothing left to do.
   */
  resume(tx: AnyTx, run: string, resume: ResumeRequest): Promise<{ run: Run; ended: boolean } | undefined>
}

interface CancelRequest {
  readonly at: number
  /** The run's error, when it has none. */
  readonly why?: string | undefined
}

interface ResumeRequest {
  readonly at: number
  /** Its place in the line of its pipeline, when it must wait. */
  readonly place?: number | undefined
}

export interface QueueStore {
  /** From when on {@link claim} may find something, by pool; one without tasks in its queue is left out. */
  dueAt(pools: readonly Pool[], tx?: AnyTx): Promise<Readonly<Partial<Record<Pool, number>>>>
  /**
   * Takes due tasks for which there is room, by priority and age. Each is given to one claimant, as a running attempt with a
   * lease; its run is running from then on.
   */
  claim(tx: AnyTx, request: ClaimRequest): Promise<readonly Claim[]>
  /** Keeps the tracking run of an attempt. */
  setTracking(tx: AnyTx, attempt: Held, tracking: TrackingRunId): Promise<void>
  /** Notes where an attempt is to be found. False when it is no longer this owner's: it must then not be begun. */
  setHandle(attempt: Held, owner: string, handle: Json): Promise<boolean>
  /**
   * Ends attempts and does what follows from it: releases or skips the tasks behind them, ends runs with their last tasks.
   * Undefined for a call that is over or no longer this owner's: its result is then to be thrown away.
   */
  finish(tx: AnyTx, requests: readonly FinishRequest[]): Promise<readonly (Finished | undefined)[]>
  /** Ends a task that waits for somebody's word, and does what follows. Undefined when it does not wait, or no longer. */
  decide(tx: AnyTx, decision: { run: RunId; task: TaskId; outcome: Outcome; at: number }): Promise<Finished | undefined>

  /** Prolongs the leases of an owner's attempts. */
  renew(owner: string, attempts: readonly Held[], leaseUntil: number): Promise<Renewal>
  /** The running attempts of an owner. */
  runningOf(owner: string): Promise<readonly LiveAttempt[]>
  /** Running attempts of anyone whose lease ran out, the longest ago first: at most `limit`. */
  expired(now: number, limit: number): Promise<readonly LiveAttempt[]>
  /** Which of these attempts are running, as far as anyone knows. */
  live(attempts: readonly AttemptId[]): Promise<ReadonlySet<AttemptId>>
  /** Makes an attempt another owner's. Undefined, and nothing is changed, unless its owner, lease and handle are as they were seen. */
  takeOver(tx: AnyTx, seen: LiveAttempt, to: { owner: string; leaseUntil: number }): Promise<Claim | undefined>
}

/** Which task makes, or has made, the result of some content. */
export interface CacheStore {
  cacheHolder(project: string, key: string): Promise<CacheHolder | undefined>
  /** Makes a task the holder of a key, instead of the one that was seen there; false when someone else was first. */
  holdCache(hold: { project: string; key: string; task: TaskId; instead: TaskId | undefined }): Promise<boolean>
}

export interface CacheHolder extends Producer {
  readonly run: RunId
  readonly name: string
  readonly state: TaskState
  readonly endedAt: number | undefined
}

/** What is noted of attempts while they run and when they end. */
export interface RecordStore {
  /** Notes the record of an attempt that runs; a repeat replaces what was there. Of one that has ended nothing is changed. */
  putRecord(tx: AnyTx, attempt: Held, record: TaskRecord): Promise<void>
  /** The attempts at a task, first to last; a record is empty when none was written. */
  attempts(task: string): Promise<readonly AttemptDetail[]>
}

export interface TaskFilter {
  readonly run: string
  /** The calls of this task, rather than the tasks of the pipeline. */
  readonly parent?: string | undefined
  readonly state?: TaskState | undefined
  /** This task, what it needs and what needs it. */
  readonly around?: string | undefined
}

export type TaskCounts = Readonly<Partial<Record<TaskState, number>>>

export interface ItemsEnd {
  readonly states: TaskCounts
  /** The first that did not succeed although it was called. */
  readonly firstBad: { readonly index: number; readonly why: string } | undefined
}

export interface ItemOutputs {
  readonly index: number
  readonly outputs: Artifacts
}

/** What one task has given so far. */
export interface Producer {
  readonly id: TaskId
  readonly outputs: Artifacts
  readonly metrics: Readonly<Record<string, number>>
}

export interface RunFilter {
  readonly project: string
  readonly pipeline?: string | undefined
  readonly state?: RunState | undefined
}

/** An attempt that runs. Its lease is found by its task, which has one at most. */
export interface Held {
  readonly task: TaskId
  readonly attempt: AttemptId
}

export interface LiveAttempt {
  readonly id: AttemptId
  readonly task: TaskId
  readonly owner: string
  readonly leaseUntil: number
  /** Undefined while it is being prepared, and of the platform's own tasks. */
  readonly handle: Json | undefined
}

/** Which attempts are still the owner's, which have become another's, and which are of runs that are being cancelled. */
export interface Renewal {
  readonly held: ReadonlySet<string>
  readonly taken: ReadonlySet<string>
  readonly cancelled: ReadonlySet<string>
}

export interface FinishRequest extends Held {
  /** Which of the attempt's calls it was. */
  readonly call: number
  readonly owner: string
  readonly outcome: Outcome
  readonly at: number
  /** Its last word, in the place of what was noted while it ran. */
  readonly record?: TaskRecord | undefined
}

export interface Finished {
  /** As it is when all that was asked for together is done. */
  readonly run: Run
  /** Whether the run has ended with this task. */
  readonly runEnded: boolean
  readonly task: {
    readonly id: TaskId
    readonly name: string
    readonly kind: string
    readonly state: TaskState
    readonly attempt: number
    readonly startedAt: number | undefined
    /** The task that this is one call of. */
    readonly parent: TaskId | undefined
  }
  readonly tracking: TrackingRunId | undefined
}
