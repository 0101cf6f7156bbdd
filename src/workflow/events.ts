import { z } from 'zod'
import { defineEvent } from '#kernel/event.ts'
import { CauseWire, runStates, taskStates, verdicts } from './wire.ts'

/** A run was accepted; or was resumed, which is another start of the same run. */
export const runStarted = defineEvent(
  'workflow.run_started',
  z.object({ run: z.string(), pipeline: z.string(), cause: CauseWire }),
)

export const runFinished = defineEvent(
  'workflow.run_finished',
  z.object({
    run: z.string(),
    pipeline: z.string(),
    state: z.enum(runStates),
    cause: CauseWire,
    error: z.string().optional(),
  }),
)

/** A run has not ended in the time that its pipeline gives it. */
export const runLate = defineEvent(
  'workflow.run_late',
  z.object({ run: z.string(), pipeline: z.string(), startedAt: z.int(), deadlineAt: z.int() }),
)

/** The last success of a pipeline, or its declaration when it has had none, is older than it may be. */
export const pipelineStale = defineEvent(
  'workflow.pipeline_stale',
  z.object({ pipeline: z.string(), since: z.int(), maxAgeMs: z.int() }),
)

/** A run waits for somebody's word. */
export const taskAsked = defineEvent(
  'workflow.task_asked',
  z.object({ run: z.string(), pipeline: z.string(), task: z.string(), name: z.string(), message: z.string() }),
)

/** Somebody has said whether a run goes on. */
export const taskDecided = defineEvent(
  'workflow.task_decided',
  z.object({
    run: z.string(),
    task: z.string(),
    name: z.string(),
    verdict: z.enum(verdicts),
    role: z.string(),
    reason: z.string(),
  }),
)

/** A task that was executed has ended. Tasks that were skipped or never begun have no event: the run's says it all. */
export const taskFinished = defineEvent(
  'workflow.task_finished',
  z.object({ run: z.string(), task: z.string(), name: z.string(), state: z.enum(taskStates), attempt: z.int() }),
)
