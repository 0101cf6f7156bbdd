import { setImmediate } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { crashPoint } from '#kernel/crash-point.ts'
import { newId } from '#kernel/id.ts'
import { runRows, type RowStatement } from '#storage'
import type { Outcome } from './outcome.ts'
import type { TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Calls that are written before others have their turn. */
const chunkMax = 500

interface Expansion {
  readonly task: TaskRow
  readonly outcome: Extract<Outcome, { state: 'expanded' }>
  readonly at: number
}

/**
 * Adds a call for each item, unless that was done before, and makes ready as many as may run at the same time. Answers how
 * many were added.
 */
export async function expand(tx: Tx, { task, outcome, at }: Expansion): Promise<number> {
  const { items, parallel } = outcome
  if (task.items_open === null) await insertItems(tx, task.id, outcome)
  const { open } = await tx
    .selectFrom('workflow_task')
    .select(({ fn }) => fn.countAll<number>().as('open'))
    .where('parent', '=', task.id)
    .where('state', '=', 'blocked')
    .executeTakeFirstOrThrow()
  await tx
    .updateTable('workflow_task')
    .set({ items_open: open, ...(open === 0 && { next_at: at }) })
    .where('id', '=', task.id)
    .execute()
  await releaseItems(tx, task.id, { count: parallel, at })
  return task.items_open === null ? items.length : 0
}

/** All in the transaction of the caller: a crash leaves every item or none. */
async function insertItems(tx: Tx, parent: string, { items, demand = '' }: Expansion['outcome']): Promise<void> {
  for (let from = 0; from < items.length; from += chunkMax) {
    const chunk = items.slice(from, from + chunkMax).map(item => ({ id: newId<'task'>('tsk'), item }))
    await runRows(
      tx,
      newCalls,
      chunk.flatMap(({ id }, index) => [parent, id, from + index, demand]),
    )
    await runRows(
      tx,
      newItems,
      chunk.flatMap(({ id, item }) => [id, JSON.stringify(item)]),
    )
    crashPoint('workflow.items_inserted')
    // Others have their turn between two parts of a long list.
    await setImmediate()
  }
}

/** What calls have of the task that they are of. The database copies it: rows of that width take long to send. */
const inherited = 'run, kind, join_rule, is_final, retries, retry_lost, priority, queue_ms'
const newCalls: RowStatement = {
  head: 'with given (parent, id, item_index, demand) as (',
  types: ['text', 'text', 'bigint', 'text'],
  tail: `) insert into workflow_task (
      id, name, item_index, parent, demand, pool, attempts_max, ${inherited},
      state, needs_open, needs_good, attempt, tries_free, losses, outputs, metrics)
    select given.id, name || '[' || cast(given.item_index as bigint) || ']', given.item_index, given.parent, given.demand,
      case when kind in ('run', 'function') then 'executor' else 'platform' end, retries + 1, ${inherited},
      'blocked', 0, 0, 0, 0, 0, '{}', '{}'
    from given join workflow_task as task on task.id = given.parent`,
}

const newItems: RowStatement = {
  head: 'insert into workflow_item (task, item)',
  types: ['text', 'text'],
  tail: '',
}

/** Makes the next calls ready, in order; all of them when there is no limit. */
const releaseItems = (tx: Tx, parent: string, { count, at }: { count: number | undefined; at: number }) =>
  tx
    .updateTable('workflow_task')
    .set({ state: 'ready', next_at: at })
    .where('parent', '=', parent)
    .where('state', '=', 'blocked')
    .$if(count !== undefined, query =>
      query.where('id', 'in', eb =>
        eb
          .selectFrom('workflow_task')
          .select('id')
          .where('parent', '=', parent)
          .where('state', '=', 'blocked')
          .orderBy('item_index')
          .limit(count!),
      ),
    )
    .execute()

/** Calls have ended: the next ones take their places, and with the last one their task is called to gather what they gave. */
export async function itemsEnded(
  tx: Tx,
  { parent, count, at }: { parent: string; count: number; at: number },
): Promise<void> {
  await releaseItems(tx, parent, { count, at })
  await tx
    .updateTable('workflow_task')
    .set(eb => ({
      items_open: eb('items_open', '-', count),
      next_at: eb.case().when('items_open', '=', count).then(at).else(null).end(),
    }))
    .where('id', '=', parent)
    .where('state', '=', 'waiting')
    .execute()
}
