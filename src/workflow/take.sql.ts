import type { Transaction } from 'kysely'
import { engineOf, runRows, runText, type Engine, type RowStatement } from '#storage'
import type { TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** A task that has left the queue, as far as its claimant is told. */
export type TakenTask = BegunTask & Pick<Taken, 'before'>

type BegunTask = Pick<
  TaskRow,
  'id' | 'run' | 'name' | 'attempt' | 'attempts_max' | 'tries_free' | 'child' | 'parent' | 'item_index' | 'demand'
>

/**
 * Of several who take at once each takes others, and nobody waits for a row that somebody changes: neither for another
 * claimant, nor for one who ends the task. That is for PostgreSQL; on SQLite there is one. Whoever has the row of the task
 * has that of the queue: one that is gone by then is not deleted a second time.
 */
const due: Readonly<Record<Engine, { readonly rows: string; readonly lock: string }>> = {
  sqlite: { rows: 'workflow_queue as due where true', lock: '' },
  postgres: {
    rows: 'workflow_queue as due cross join workflow_task where workflow_task.id = due.task',
    lock: 'for update of workflow_task skip locked',
  },
}

/** Materialized, so that rows are chosen once, however the deletion is planned. */
const firstText = (engine: Engine): string => `
  with chosen (task) as materialized (
    select due.task from ${due[engine].rows} and due.pool = ? and due.demand = '' and +due.next_at <= ?
    order by (due.next_at - due.priority * 60000), due.task limit ? ${due[engine].lock})
  ${takingChosen}`

const takingChosen = `delete from workflow_queue where task in (select task from chosen)
  returning task, (next_at - priority * 60000) as rank,
    (select state from workflow_task where workflow_task.id = workflow_queue.task) as before`

interface Taken {
  readonly task: string
  readonly rank: number
  /** `ready`, or `waiting`: it is called again. */
  readonly before: string
}

const firstTexts: Readonly<Record<Engine, string>> = { sqlite: firstText('sqlite'), postgres: firstText('postgres') }

/** Takes the first due tasks that ask for no room. */
export const takeFirst = async (
  tx: Tx,
  { pool, now, limit }: { pool: string; now: number; limit: number },
): Promise<readonly TakenTask[]> =>
  begin(tx, await runText<Taken>(tx, firstTexts[engineOf(tx)], [pool, now, limit]), now)

const namedStatement = (engine: Engine): RowStatement => ({
  head: 'with given (id, at) as (',
  types: ['text', 'bigint'],
  tail: `), chosen (task) as materialized (
      select due.task from given cross join ${due[engine].rows} and due.task = given.id and due.next_at <= given.at
      ${due[engine].lock})
    ${takingChosen}`,
})

const namedStatements: Readonly<Record<Engine, RowStatement>> = {
  sqlite: namedStatement('sqlite'),
  postgres: namedStatement('postgres'),
}

/** Takes those of these tasks that are still due. */
export async function takeTasks(tx: Tx, ids: readonly string[], now: number): Promise<readonly TakenTask[]> {
  const rows = ids.flatMap(id => [id, now])
  return begin(tx, await runRows<Taken>(tx, namedStatements[engineOf(tx)], rows), now)
}

/** They are running from now on, in the order of their rank; one that was cancelled meanwhile is not. */
async function begin(tx: Tx, taken: readonly Taken[], now: number): Promise<readonly TakenTask[]> {
  const tasks = taken.toSorted((x, y) => x.rank - y.rank || (x.task < y.task ? -1 : 1))
  const rows = await runRows<BegunTask>(
    tx,
    begun,
    tasks.flatMap(({ task }) => [task, now]),
  )
  const rowOf = new Map(rows.map(row => [row.id, row]))
  return tasks.flatMap(({ task, before }) => {
    const row = rowOf.get(task)
    return row ? [{ ...row, before }] : []
  })
}

const begun: RowStatement = {
  head: 'with given (task, at) as (',
  types: ['text', 'bigint'],
  tail: `) update workflow_task
    set state = 'running', waiting_for = null, ended_at = null,
        attempt = attempt + case when state = 'ready' then 1 else 0 end, started_at = coalesce(started_at, given.at)
    from given where id = given.task and state in ('ready', 'waiting')
    returning id, run, name, attempt, attempts_max, tries_free, child, parent, item_index, demand`,
}
