import type { Transaction } from 'kysely'
import { runRows, type RowStatement } from '#storage'
import type { TaskRow, WorkflowTables } from './tables.ts'

/** A task that has left the queue, as far as its claimant is told. */
export type TakenTask = Pick<
  TaskRow,
  'id' | 'run' | 'name' | 'attempt' | 'attempts_max' | 'tries_free' | 'child' | 'parent' | 'item_index' | 'demand'
>

/**
 * What becomes of a task that leaves the queue for `taker (task, at)`. The condition is checked again by whoever waited for
 * the row, so that two claimants never take the same task.
 */
export const taking = (taker: string): string => `
  update workflow_task
  set state = 'running', next_at = null, waiting_for = null, ended_at = null,
      attempt = attempt + case when state = 'ready' then 1 else 0 end, started_at = coalesce(started_at, ${taker}.at)
  from ${taker} where id = ${taker}.task and next_at <= ${taker}.at and state in ('ready', 'waiting')
  returning id, run, name, attempt, attempts_max, tries_free, child, parent, item_index, demand`

const takenById: RowStatement = {
  head: 'with given (task, at) as (',
  types: ['text', 'bigint'],
  tail: `) ${taking('given')}`,
}

export const takeTasks = (
  tx: Transaction<WorkflowTables>,
  ids: readonly string[],
  now: number,
): Promise<readonly TakenTask[]> =>
  runRows(
    tx,
    takenById,
    ids.flatMap(id => [id, now]),
  )
