import type { Digest } from '#kernel/digest.ts'
import type { Json } from '#kernel/json.ts'
import type { TrackingRunId } from '#tracking'
import type { TaskRecord } from './record.ts'
import type { Artifact, Artifacts, AttemptId, Params, Run, RunTask, TaskId } from './run.ts'

/**
 * Work that the platform does itself. It is called at least once for a task and may be called again with the same
 * `key` after a crash: it must then answer the same. Errors `data_broken`, `gate_failed` and `invalid` are final; others
 * follow the task's retries.
 */
export type PlatformTask = (context: TaskCall) => Promise<TaskResult>

export interface TaskCall {
  readonly run: Run
  /** Its name in the pipeline. */
  readonly task: string
  readonly taskId: TaskId
  readonly params: Params
  readonly inputs: Artifacts
  /** `run/task`: the same at every attempt. */
  readonly key: string
  /** Which attempt this is, from 1. */
  readonly number: number
  log(line: string): void
  metric(name: string, value: number): void
  /** Aborts on cancel, timeout and shutdown, with the reason as an error. */
  readonly signal: AbortSignal
}

/** Done; or to be called again after `waitMs`, durably: nothing is held and no slot is taken meanwhile. */
export type TaskResult =
  | { readonly outputs?: Artifacts; readonly metrics?: Readonly<Record<string, number>> }
  | { readonly waitMs: number; readonly waitingFor: string }

/**
 * Runs the tasks that are users' code. What it begins goes on when this process ends: by the handle that was noted of it
 * another process, or the next of this name, adopts it. Adapters: `compute`.
 */
export interface Executor {
  /**
   * Begins an attempt and follows it to its end. Throws `task_failed` with `cause` in the detail, or the signal's reason
   * once nothing of the attempt is left running. `cause.kind` is `lost` when nobody can tell any more how it ended.
   *
   * A signal that is aborted with the reason `left` says that nobody follows the attempt here any more: it goes on.
   */
  execute(attempt: Attempt): Promise<Execution>
  /**
   * Goes on following what {@link execute} has begun elsewhere or before, to the same result, whether it runs or has
   * ended. An engine that does not answer is asked again: that something cannot be seen does not mean that it is gone.
   */
  adopt(attempt: Attempt, handle: Json): Promise<Execution>
  /** Whether this process could see what the handle names: a process of another machine it could not. */
  canReach(handle: Json): Promise<boolean>
  /** Ends what runs here of attempts that nobody wants any more. `live` answers which of the found are wanted. */
  reap(live: (found: readonly AttemptId[]) => Promise<ReadonlySet<AttemptId>>): Promise<void>
}

export interface Execution {
  readonly outputs: Artifacts
  readonly metrics: readonly MetricPoint[]
  /** Where and how it ran: host, runtime, environment, exit. Kept with the task in the ledger. */
  readonly facts: Readonly<Record<string, Json>>
}

export interface MetricPoint {
  readonly name: string
  readonly value: number
  readonly step?: number | undefined
}

/** One try at a task of users' code. */
export interface Attempt {
  readonly id: AttemptId
  /** 1 for the first. */
  readonly number: number
  readonly run: Pick<Run, 'id' | 'project' | 'pipeline'>
  readonly task: string
  readonly spec: Pick<
    RunTask,
    'run' | 'function' | 'environment' | 'executor' | 'resources' | 'nodes' | 'image' | 'checkpoint' | 'poll'
  > & {
    readonly outputs: readonly string[]
  }
  /** The code that it runs in; undefined is an empty folder. */
  readonly code: Digest | undefined
  readonly params: Params
  readonly inputs: Readonly<Record<string, Artifact>>
  readonly key: string
  readonly seed: number
  readonly signal: AbortSignal
  /** How long it may still take. */
  readonly timeoutMs: number
  /**
   * Says how long it has run, where that is not since it was claimed: undefined while it waits for room, which its limit
   * does not count.
   */
  ran(ms: number | undefined): void
  /** The GPUs of this machine that are its alone; undefined where the machine has none. */
  readonly devices: readonly string[] | undefined
  /** Secrets: variables that its code finds, and texts that its log must not show. */
  readonly secrets: { readonly variables: Readonly<Record<string, string>>; readonly mask: readonly string[] }
  /**
   * Notes where it is to be found, before it runs. Rejects, with the signal aborted, when the attempt is not this process's
   * any more: it must then not be begun.
   */
  started(handle: Json): Promise<void>
  /** A line of the platform's own in its log. */
  log(line: string): void
  /** Where its output is appended to, masked, after all lines that stand there when it is asked for; how long it may be. */
  readonly logFile: { readonly path: string; readonly bytesMax: number }
  /** Passes on metrics while it runs: the first of those that it will have given, each once in this process. */
  measured(points: readonly MetricPoint[]): void
  /** Notes where and how it runs, what it uses and how it ended; also of an attempt that fails. */
  record(part: Partial<TaskRecord>): void
  /** The tracking run that the platform has opened for it. */
  readonly tracking: TrackingRunId | undefined
}
