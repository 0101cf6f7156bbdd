import { sql, type ExpressionBuilder, type Transaction } from 'kysely'
import { conclude } from './conclude.sql.ts'
import { openTasks } from './lane.sql.ts'
import { goodStates, type Run } from './run.ts'
import type { WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Opens what did not succeed again. Of a run whose every task had succeeded before it was cancelled nothing is left to do. */
export async function resume(
  tx: Tx,
  id: string,
  { at, place }: { at: number; place?: number | undefined },
): Promise<{ run: Run; ended: boolean } | undefined> {
  const opened = await tx
    .updateTable('workflow_run')
    .set({
      state: 'queued',
      cancel_requested_at: null,
      error: null,
      ended_at: null,
      tasks_failed: 0,
      verdict: null,
      final_error: null,
      // Its time was that of the first try.
      deadline_at: null,
      late_at: null,
      limit_ms: null,
      limited_at: null,
    })
    .where('id', '=', id)
    .where('state', 'in', ['failed', 'cancelled'])
    .executeTakeFirstOrThrow()
  if (opened.numUpdatedRows === 0n) return undefined
  const count = await reopenTasks(tx, id)
  const isHeld = place !== undefined && count > 0
  if (!isHeld) await openTasks(tx, id, at)
  const row = await tx
    .updateTable('workflow_run')
    .set({ tasks_open: count, ...(isHeld && { state: 'held', place }) })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return conclude(tx, row, at)
}

/**
 * What did not succeed waits again for what did not succeed before it; what runs at the end waits for the end. Returns
 * how many tasks are open, without those at the end.
 */
async function reopenTasks(tx: Tx, run: string): Promise<number> {
  const good: string[] = [...goodStates]
  const goodParents = (eb: ExpressionBuilder<WorkflowTables, 'workflow_task'>) =>
    eb
      .selectFrom('workflow_task as done')
      .select('done.id')
      .where('done.run', '=', run)
      .where('done.items_open', 'is not', null)
      .where('done.state', 'in', good)
  const needs = (is: 'in' | 'not in') =>
    sql<number>`(select count(*) from workflow_edge join workflow_task as need on need.id = workflow_edge.up
      where workflow_edge.down = workflow_task.id and need.state ${sql.raw(is)} (${sql.join(good)}))`
  await tx
    .updateTable('workflow_task')
    .set({ state: 'skipped' })
    .where('run', '=', run)
    .where('is_final', '=', 1)
    .execute()
  await tx
    .updateTable('workflow_task')
    .set(eb => ({
      state: 'blocked',
      needs_open: sql<number>`${needs('not in')} + is_final`,
      needs_good: needs('in'),
      attempts_max: eb(eb('attempt', '+', 1), '+', eb.ref('retries')),
      tries_free: 0,
      losses: 0,
      error: null,
      reason: null,
      ended_at: null,
    }))
    .where('run', '=', run)
    .where('state', 'in', ['failed', 'skipped', 'cancelled'])
    .where(eb => eb.or([eb('parent', 'is', null), eb('parent', 'not in', goodParents(eb))]))
    .execute()
  const { open } = await tx
    .selectFrom('workflow_task')
    .select(({ fn }) => fn.countAll<number>().as('open'))
    .where('run', '=', run)
    .where('is_final', '=', 0)
    .where('state', '=', 'blocked')
    .executeTakeFirstOrThrow()
  return open
}
