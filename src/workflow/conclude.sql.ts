import type { Transaction } from 'kysely'
import { runRows, type RowStatement } from '#storage'
import { refreshed } from './deadline.sql.ts'
import { enqueue, readyOf } from './enqueue.sql.ts'
import { letNext } from './lane.sql.ts'
import type { Run } from './run.ts'
import { runFromRow } from './run-row.sql.ts'
import type { RunRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Counts tasks of runs as ended, and holds the runs' rows from here on: of two tasks that end together, one is the last. */
export async function countDown(tx: Tx, counts: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, RunRow>> {
  // In one order for everybody.
  const sorted = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const rows = await runRows<RunRow>(tx, counted, sorted.flat())
  return new Map(rows.map(row => [row.id, row]))
}

const counted: RowStatement = {
  head: 'with given (run, ended) as (',
  types: ['text', 'bigint'],
  tail: `) update workflow_run set tasks_open = tasks_open - given.ended from given
    where workflow_run.id = given.run returning *`,
}

/**
 * Ends the run when none of its tasks is open, or first lets those run that run at its end. The row must be as it stands
 * in the transaction.
 */
export async function conclude(tx: Tx, row: RunRow, at: number): Promise<{ run: Run; ended: boolean }> {
  if (row.tasks_open > 0) return { run: runFromRow(row), ended: false }
  const verdict = row.verdict ?? verdictOf(row)
  if (row.verdict === null) {
    const finals = await openFinals(tx, row.id, at)
    if (finals > 0) return { run: runFromRow(await enterEnd(tx, row.id, { verdict, finals })), ended: false }
  }
  await tx
    .updateTable('workflow_run')
    .set({ state: verdict, place: null, ended_at: at })
    .where('id', '=', row.id)
    .execute()
  if (verdict === 'succeeded') await refreshed(tx, row, at)
  if (row.parent_task === null) await letNext(tx, row, at)
  else await wake(tx, row.parent_task, at)
  return { run: runFromRow({ ...row, state: verdict, ended_at: at }), ended: true }
}

/** The task that this run is has waited for its end. */
async function wake(tx: Tx, task: string, at: number): Promise<void> {
  const waiting = await tx
    .updateTable('workflow_task')
    .set({ state: 'waiting' })
    .where('id', '=', task)
    .where('state', '=', 'waiting')
    .returning('id')
    .execute()
  if (waiting.length > 0) await enqueue(tx, [task], at)
}

function verdictOf({ cancel_requested_at, limited_at, tasks_failed }: RunRow): string {
  if (limited_at !== null) return 'failed'
  if (cancel_requested_at !== null) return 'cancelled'
  return tasks_failed > 0 ? 'failed' : 'succeeded'
}

/** Takes one need off the tasks that run at the end, which was the end. Answers how many there are. */
async function openFinals(tx: Tx, run: string, at: number): Promise<number> {
  const rows = await tx
    .updateTable('workflow_task')
    .set(eb => ({
      needs_open: eb('needs_open', '-', 1),
      state: eb.case().when('needs_open', '=', 1).then('ready').else('blocked').end(),
    }))
    .where('run', '=', run)
    .where('is_final', '=', 1)
    .where('state', '=', 'blocked')
    .returning(['id', 'state'])
    .execute()
  await enqueue(tx, readyOf(rows), at)
  return rows.length
}

/** What was cancelled is over: the tasks at the end run all the same, unless the run is cancelled again. */
const enterEnd = (tx: Tx, run: string, { verdict, finals }: { verdict: string; finals: number }): Promise<RunRow> =>
  tx
    .updateTable('workflow_run')
    .set({ verdict, tasks_open: finals, cancel_requested_at: null })
    .where('id', '=', run)
    .returningAll()
    .executeTakeFirstOrThrow()
