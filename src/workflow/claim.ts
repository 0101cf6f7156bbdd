import type { Json } from '#kernel/json.ts'
import type { TaskRecord } from './record.ts'
import type { TrackingRunId } from '#tracking'
import type { AttemptId, Item, Params, Pool, Run, RunId, RunTask, TaskId } from './run.ts'

export interface ClaimRequest {
  readonly pool: Pool
  readonly limit: number
  readonly owner: string
  /** Where the tasks run that take of a machine. */
  readonly machine: string
  /** The GPUs of that machine, by name. */
  readonly devices: readonly string[]
  readonly now: number
  readonly leaseUntil: number
}

/** A task in one claimant's hands. */
export interface Claim {
  readonly attempt: AttemptId
  readonly number: number
  /** The how-manieth call of the attempt it is, from 1: after each wait there is another one. */
  readonly call: number
  /** Whether this is the attempt's first call, rather than the next one after a wait. */
  readonly isNew: boolean
  readonly task: TaskId
  readonly run: Run
  readonly name: string
  /** Its name in the pipeline, which all calls of a task with a call for each item share. */
  readonly declared: string
  readonly spec: RunTask
  readonly item: Item | undefined
  readonly needs: readonly string[]
  readonly params: Params
  readonly attemptsMax: number
  /** Tries beyond those that it was promised, after failures that were the platform's. */
  readonly triesFree: number
  /** The run that it is, when it is one of another pipeline and has been called before. */
  readonly child: RunId | undefined
  /** The GPUs of its machine that are its alone; undefined where the machine has none. */
  readonly devices?: readonly string[]
  /** What is known of an attempt that another process has begun. */
  readonly begun?: Begun
}

interface Begun {
  readonly at: number
  readonly handle: Json
  readonly tracking: TrackingRunId | undefined
  readonly record: TaskRecord
}
