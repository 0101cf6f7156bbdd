import type { z } from 'zod'
import { durationMs } from '#kernel/duration.ts'
import { digestOfJson } from '#kernel/digest.ts'
import type { Id } from '#kernel/id.ts'
import type { Json } from '#kernel/json.ts'
import type { TaskSpec } from '#project'
import type { ArtifactWire, CauseWire, PipelineWire, RunWire, TaskLineWire, TaskRunWire } from './wire.ts'

/** One execution of a pipeline. */
export type Run = z.output<typeof RunWire>
/** One task of a run, over all its attempts. */
export type TaskRun = z.output<typeof TaskRunWire>
/** A task in short: without what it was given and what it gave. */
export type TaskLine = z.output<typeof TaskLineWire>
export type Artifact = z.output<typeof ArtifactWire>
export type Cause = z.output<typeof CauseWire>
export type Pipeline = z.output<typeof PipelineWire>

export type RunId = Run['id']
export type TaskId = TaskRun['id']
export type AttemptId = Id<'attempt'>
export type RunState = Run['state']
export type TaskState = TaskRun['state']

/** A task as it is run: as in the project file, and `uses` may name work that only the platform's own pipelines do. */
export type RunTask = Omit<TaskSpec, 'uses'> & {
  uses?: string | undefined
  /** It runs when all others have ended. */
  final?: true
  /** What it takes while it runs, as the queue keeps it. */
  demand?: string | undefined
}

export type Artifacts = Readonly<Record<string, Artifact>>
export type Params = Readonly<Record<string, Json>>

/** What one call of a task with a call for each item of a list is for. */
export interface Item {
  /** 0 for the first. */
  readonly index: number
  readonly value: Json
}

export const hasEnded = (state: RunState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled'

/**
 * Whose seats a task takes, of which each server has so many: the platform's own work must not wait behind an hour of
 * training, and what other machines do takes no place on this one. Of a queue only those servers have seats that say so.
 */
export type Pool = 'platform' | 'executor' | 'remote' | `queue/${string}`

export const poolOfQueue = (queue: string): Pool => `queue/${queue}`

/** The specification of one call, of a task with a call for each item. */
export const itemSpec = ({ forEach: _, ...spec }: RunTask): RunTask => spec

export const kindOf = (task: RunTask): string =>
  task.uses ??
  (task.pipeline !== undefined ? 'pipeline' : task.approval ? 'approval' : task.run === undefined ? 'function' : 'run')
/** Whether users' code does it, once or for each item. */
export const isUsersCode = (task: RunTask): boolean => (task.run ?? task.function) !== undefined
export const localExecutorName = 'local'
/** Whether it runs on the machine of the server that takes it. */
export const isLocal = ({ executor = localExecutorName }: Pick<RunTask, 'executor'>): boolean =>
  executor === localExecutorName
export const poolOf = (task: RunTask): Pool => {
  if (!isUsersCode(task) || task.forEach !== undefined) return 'platform'
  if (task.queue !== undefined) return poolOfQueue(task.queue)
  return isLocal(task) ? 'executor' : 'remote'
}

/** What a task has come to whose outputs others may use. */
export const goodStates = ['succeeded', 'cached'] as const
export const isGood = (state: string): boolean => (goodStates as readonly string[]).includes(state)

/** Whether a task that waits for others may run although not all of them have succeeded. */
export const isTolerant = ({ join = 'all', final }: RunTask): boolean => join !== 'all' || final === true

export const timeoutOf = (task: RunTask, defaultMs: number): number =>
  task.timeout === undefined ? defaultMs : durationMs(task.timeout)

/** The run's parameters replace those of the same name that the task declares. */
export const paramsOf = (task: RunTask, overrides: Params): Params =>
  Object.fromEntries(
    Object.entries(task.params).map(([name, value]) => [
      name,
      Object.hasOwn(overrides, name) ? overrides[name]! : value,
    ]),
  )

/** A seed from what the task is given: the same inputs and parameters draw the same random numbers, in whichever run. */
export function seedOf({ task, params, inputs }: { task: string; params: Params; inputs: Artifacts }): number {
  const given = Object.fromEntries(Object.entries(inputs).map(([name, { digest, value }]) => [name, digest ?? value]))
  return Number.parseInt(digestOfJson({ task, params, given }).slice(0, 8), 16) >>> 1
}
