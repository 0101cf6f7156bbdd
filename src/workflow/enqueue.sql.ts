import type { Transaction } from 'kysely'
import { runRows, type RowStatement } from '#storage'
import type { WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/**
 * Puts tasks in the queue, to be claimed from an instant on; of one that is there already the instant changes. Whoever does
 * so has changed the task's row before, in the same transaction: nobody else then takes it out meanwhile.
 */
export const enqueue = (tx: Tx, ids: readonly string[], at: number): Promise<unknown> =>
  runRows(
    tx,
    queued,
    ids.flatMap(id => [id, at]),
  )

const queued: RowStatement = {
  head: 'with given (id, at) as (',
  types: ['text', 'bigint'],
  tail: `) insert into workflow_queue (task, pool, demand, priority, queue_ms, next_at)
    select task.id, pool, demand, priority, case when state = 'ready' then queue_ms end, given.at
    from given cross join workflow_task as task where task.id = given.id
    on conflict (task) do update set next_at = excluded.next_at, queue_ms = excluded.queue_ms`,
}

/** Those of tasks that wait for nothing any more. */
export const readyOf = (rows: readonly { id: string; state: string }[]): readonly string[] =>
  rows.filter(({ state }) => state === 'ready').map(({ id }) => id)

/** Takes a task out of the queue, if it is there. Its row is changed before. */
export async function dequeue(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('workflow_queue').where('task', '=', id).execute()
}
