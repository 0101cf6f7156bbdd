import type { OverlapRule } from './overlap.ts'
import type { Params, Run, RunTask, TaskId } from './run.ts'

export interface RunDraft {
  readonly run: Omit<Run, 'state' | 'behind' | 'error' | 'lateAt' | 'endsBy' | 'startedAt' | 'endedAt'>
  /** Of the pipeline's revision. */
  readonly overlap?: OverlapRule | undefined
  /** Its place in the line of its pipeline, when it is held: none of its tasks may be claimed. */
  readonly place?: number | undefined
  readonly key: string | undefined
  /** How long it may take once it has begun. */
  readonly limitMs?: number | undefined
  readonly tasks: readonly TaskDraft[]
}

export interface TaskDraft {
  readonly id: TaskId
  readonly name: string
  readonly spec: RunTask
  readonly needs: readonly string[]
  readonly params: Params
}

/** The run that a task is: one that begins with it, or one that is resumed. Either begins when the task waits for it. */
export type Child = { readonly draft: RunDraft } | { readonly resume: Run }
