import { setImmediate } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { crashPoint } from '#kernel/crash-point.ts'
import { newId } from '#kernel/id.ts'
import { runRows, runText, type RowStatement } from '#storage'
import { enqueue } from './enqueue.sql.ts'
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
  await tx.updateTable('workflow_task').set({ items_open: open, items_next: 0 }).where('id', '=', task.id).execute()
  if (open === 0) await enqueue(tx, [task.id], at)
  else if (parallel === undefined) await releaseAll(tx, task.id, { total: items.length, at })
  else await releaseNext(tx, task.id, { from: 0, count: parallel, at })
  return task.items_open === null ? items.length : 0
}

/** All in the transaction of the caller: a crash leaves every item or none. */
async function insertItems(tx: Tx, parent: string, { items, pool, demand = '' }: Expansion['outcome']): Promise<void> {
  for (let from = 0; from < items.length; from += chunkMax) {
    const chunk = items.slice(from, from + chunkMax).map(item => ({ id: newId<'task'>('tsk'), item }))
    await runRows(
      tx,
      newCalls,
      chunk.flatMap(({ id }, index) => [parent, id, from + index, pool, demand]),
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
  head: 'with given (parent, id, item_index, of_pool, demand) as (',
  types: ['text', 'text', 'bigint', 'text', 'text'],
  tail: `) insert into workflow_task (
      id, name, item_index, parent, demand, pool, attempts_max, ${inherited},
      state, needs_open, needs_good, attempt, tries_free, losses, outputs, metrics)
    select given.id, name || '[' || cast(given.item_index as bigint) || ']', given.item_index, given.parent, given.demand,
      of_pool, retries + 1, ${inherited},
      'blocked', 0, 0, 0, 0, 0, '{}', '{}'
    from given join workflow_task as task on task.id = given.parent`,
}

const newItems: RowStatement = {
  head: 'insert into workflow_item (task, item)',
  types: ['text', 'text'],
  tail: '',
}

/** Makes all calls ready. Their identifiers stay in the database: there may be a hundred thousand. */
async function releaseAll(tx: Tx, parent: string, { total, at }: { total: number; at: number }): Promise<void> {
  const calls = tx.updateTable('workflow_task').set({ state: 'ready' }).where('parent', '=', parent)
  await calls.where('state', '=', 'blocked').execute()
  await runText(tx, allQueued, [at, parent])
  await tx.updateTable('workflow_task').set({ items_next: total }).where('id', '=', parent).execute()
}

const allQueued = `
  insert into workflow_queue (task, pool, demand, priority, queue_ms, next_at)
  select id, pool, demand, priority, queue_ms, cast(? as bigint) from workflow_task where parent = ? and state = 'ready'
  on conflict (task) do nothing`

/** Makes the next calls ready, in order. All before `from` are already. */
async function releaseNext(
  tx: Tx,
  parent: string,
  { from, count, at }: { from: number; count: number; at: number },
): Promise<void> {
  const rows = await tx
    .updateTable('workflow_task')
    .set({ state: 'ready' })
    .where('id', 'in', eb =>
      eb
        .selectFrom('workflow_task')
        .select('id')
        .where('parent', '=', parent)
        .where('item_index', '>=', from)
        .where('state', '=', 'blocked')
        .orderBy('item_index')
        .limit(count),
    )
    .returning(['id', 'item_index'])
    .execute()
  if (rows.length === 0) return
  await enqueue(
    tx,
    rows.map(({ id }) => id),
    at,
  )
  const next = Math.max(...rows.map(row => row.item_index!)) + 1
  await tx.updateTable('workflow_task').set({ items_next: next }).where('id', '=', parent).execute()
}

/** Calls have ended: the next ones take their places, and with the last one their task is called to gather what they gave. */
export async function itemsEnded(
  tx: Tx,
  { parent, count, at }: { parent: string; count: number; at: number },
): Promise<void> {
  const task = await tx
    .updateTable('workflow_task')
    .set(eb => ({ items_open: eb('items_open', '-', count) }))
    .where('id', '=', parent)
    .where('state', '=', 'waiting')
    .returning(['items_open', 'items_next'])
    .executeTakeFirst()
  if (!task) return
  if (task.items_open === 0) await enqueue(tx, [parent], at)
  else await releaseNext(tx, parent, { from: task.items_next, count, at })
}
