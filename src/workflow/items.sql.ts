import { setImmediate } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { crashPoint } from '#kernel/crash-point.ts'
import { newId } from '#kernel/id.ts'
import type { Outcome } from './run.ts'
import type { TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Rows in one insert: SQLite takes 32,766 parameters, and a task has some thirty. */
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
export async function expand(tx: Tx, { task, outcome: { items, parallel, demand }, at }: Expansion): Promise<number> {
  if (task.items_open === null) await insertItems(tx, { ...task, demand: demand ?? '' }, items)
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
async function insertItems(tx: Tx, parent: TaskRow, items: readonly unknown[]): Promise<void> {
  // Identifiers sort by time of making only down to the millisecond: sorted, they keep the order of the list.
  const ids = items.map(() => newId<'task'>('tsk')).sort()
  for (let from = 0; from < items.length; from += chunkMax) {
    const chunk = ids.slice(from, from + chunkMax)
    await tx
      .insertInto('workflow_task')
      .values(chunk.map((id, index) => itemRow(parent, { id, index: from + index })))
      .execute()
    await tx
      .insertInto('workflow_item')
      .values(chunk.map((task, index) => ({ task, item: JSON.stringify(items[from + index]) })))
      .execute()
    crashPoint('workflow.items_inserted')
    // Others have their turn between two parts of a long list.
    await setImmediate()
  }
}

const itemRow = (parent: TaskRow, { id, index }: { id: string; index: number }): TaskRow => ({
  ...parent,
  id,
  name: `${parent.name}[${index}]`,
  pool: parent.kind === 'run' || parent.kind === 'function' ? 'executor' : 'platform',
  state: 'blocked',
  needs_open: 0,
  needs_good: 0,
  next_at: null,
  attempt: 0,
  attempts_max: parent.retries + 1,
  tries_free: 0,
  losses: 0,
  waiting_for: null,
  started_at: null,
  child: null,
  parent: parent.id,
  item_index: index,
})

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
