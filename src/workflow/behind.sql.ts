import type { Transaction } from 'kysely'
import { runRows, type RowStatement } from '#storage'
import { enqueue, readyOf } from './enqueue.sql.ts'
import type { WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Counts successes to the tasks behind them; those that waited for nothing else are ready. */
export async function release(tx: Tx, ended: readonly string[], at: number): Promise<void> {
  const rows = await runRows<{ id: string; state: string }>(tx, released, ended)
  await enqueue(tx, readyOf(rows), at)
}

const released: RowStatement = {
  head: 'with given (up) as (',
  types: ['text'],
  tail: `), behind (task, good) as (
      select down, count(*) from given cross join workflow_edge where workflow_edge.up = given.up group by down)
    update workflow_task
    set needs_open = needs_open - good, needs_good = needs_good + good,
        state = case when needs_open = good then 'ready' else 'blocked' end
    from behind where workflow_task.id = behind.task and workflow_task.state = 'blocked'
    returning workflow_task.id, workflow_task.state`,
}

/** A task that has ended without success, and what those are told who waited for it. */
interface End {
  readonly task: string
  readonly reason: string
  readonly at: number
}

/**
 * Gives up what cannot do without a task, however far behind it, and makes ready what can and waits for nothing else.
 * Returns how many tasks were given up.
 */
export async function skip(tx: Tx, { task, reason, at }: End): Promise<number> {
  let count = 0
  for (let ended: readonly string[] = [task]; ended.length > 0;) {
    const skipped: string[] = []
    for (const id of ended) skipped.push(...(await skipBehind(tx, { task: id, reason, at })))
    const waiting = await countEnds(tx, [...ended, ...skipped])
    const inVain = await releaseTolerant(tx, { ids: waiting, reason, at })
    count += skipped.length + inVain.length
    ended = inVain
  }
  return count
}

/** Skips what needs all that it waits for, and what needs all of that. */
async function skipBehind(tx: Tx, { task, reason, at }: End): Promise<readonly string[]> {
  const rows = await tx
    .withRecursive('behind(id)', db =>
      db
        .selectFrom('workflow_edge')
        .innerJoin('workflow_task', 'workflow_task.id', 'workflow_edge.down')
        .select('workflow_edge.down as id')
        .where('workflow_edge.up', '=', task)
        .where('join_rule', '=', 'all')
        .union(
          db
            .selectFrom('workflow_edge')
            .innerJoin('behind', 'behind.id', 'workflow_edge.up')
            .innerJoin('workflow_task', 'workflow_task.id', 'workflow_edge.down')
            .select('workflow_edge.down as id')
            .where('join_rule', '=', 'all'),
        ),
    )
    .updateTable('workflow_task')
    .set({ state: 'skipped', reason, ended_at: at })
    .where('id', 'in', eb => eb.selectFrom('behind').select('behind.id'))
    .where('state', '=', 'blocked')
    .returning('id')
    .execute()
  return rows.map(row => row.id)
}

const chunkMax = 500

/** Counts ends to the tasks that can do without a success. Answers those that now wait for nothing. */
async function countEnds(tx: Tx, ended: readonly string[]): Promise<readonly string[]> {
  const done = new Set<string>()
  for (let from = 0; from < ended.length; from += chunkMax) {
    const chunk = ended.slice(from, from + chunkMax)
    const rows = await tx
      .updateTable('workflow_task')
      .set(eb => ({
        needs_open: eb(
          'needs_open',
          '-',
          eb
            .selectFrom('workflow_edge')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .whereRef('down', '=', 'workflow_task.id')
            .where('up', 'in', chunk),
        ),
      }))
      .where('id', 'in', eb => eb.selectFrom('workflow_edge').select('down').where('up', 'in', chunk))
      .where('join_rule', '!=', 'all')
      .where('state', '=', 'blocked')
      .returning(['id', 'needs_open'])
      .execute()
    for (const row of rows) if (row.needs_open === 0) done.add(row.id)
  }
  return [...done]
}

/** Makes ready those of which a need has succeeded, or that run always; skips the others, and answers them. */
async function releaseTolerant(
  tx: Tx,
  { ids, reason, at }: { ids: readonly string[]; reason: string; at: number },
): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const ready = await tx
    .updateTable('workflow_task')
    .set({ state: 'ready' })
    .where('id', 'in', ids)
    .where('state', '=', 'blocked')
    .where(eb => eb.or([eb('join_rule', '=', 'always'), eb('needs_good', '>', 0)]))
    .returning(['id', 'state'])
    .execute()
  await enqueue(tx, readyOf(ready), at)
  const rows = await tx
    .updateTable('workflow_task')
    .set({ state: 'skipped', reason, ended_at: at })
    .where('id', 'in', ids)
    .where('state', '=', 'blocked')
    .returning('id')
    .execute()
  return rows.map(row => row.id)
}
