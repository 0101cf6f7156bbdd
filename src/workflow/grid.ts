import type { z } from 'zod'
import type { Run, TaskLine } from './run.ts'
import type { PipelineGridWire } from './wire.ts'

/** The last runs of a pipeline side by side: which task fails, since when, and which has become slow. */
export type PipelineGrid = z.output<typeof PipelineGridWire>

/** A task of one of several runs. */
export type GridTask = Pick<TaskLine, 'name' | 'state' | 'startedAt' | 'endedAt'> & { readonly run: string }

/** The runs, newest first, all of whose tasks are among the first `max`; the newest in any case. */
export function wholeRuns(runs: readonly Run[], tasks: readonly GridTask[], max: number): readonly Run[] {
  const cut = tasks[max]?.run
  return cut === undefined
    ? runs
    : runs.slice(
        0,
        Math.max(
          1,
          runs.findIndex(({ id }) => id === cut),
        ),
      )
}

/**
 * A column for each run, oldest first, and a row for each task: in the order of the newest run, then what only older ones
 * had. A run without the task has null there.
 *
 * @param runs Newest first.
 * @param tasks Of these runs; of each run in the order of its pipeline.
 */
export function gridOf(runs: readonly Run[], tasks: readonly GridTask[]): PipelineGrid {
  const taskOf = new Map(tasks.map(task => [`${task.run}/${task.name}`, task]))
  const tasksOf = Map.groupBy(tasks, ({ run }) => run)
  const names = new Set(runs.flatMap(({ id }) => (tasksOf.get(id) ?? []).map(({ name }) => name)))
  const columns = runs.toReversed()
  return {
    runs: columns.map(({ id, state, cause, createdAt, startedAt, endedAt }) => ({
      id,
      state,
      cause,
      createdAt,
      ...(startedAt !== undefined && { startedAt }),
      ...(endedAt !== undefined && { endedAt }),
    })),
    rows: [...names].map(task => ({ task, cells: columns.map(({ id }) => cellOf(taskOf.get(`${id}/${task}`))) })),
  }
}

const cellOf = (task: GridTask | undefined): PipelineGrid['rows'][number]['cells'][number] => {
  if (!task) return null
  const { state, startedAt, endedAt } = task
  return { state, ...(startedAt !== undefined && endedAt !== undefined && { tookMs: endedAt - startedAt }) }
}
