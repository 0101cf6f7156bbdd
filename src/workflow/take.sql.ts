import type { Transaction } from 'kysely'
import { engineOf, runRows, runText, type RowStatement } from '#storage'
import type { TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** A task that has left the queue, as far as its claimant is told. */
export type TakenTask = BegunTask & Pick<Taken, 'before'>

type BegunTask = Pick<
  TaskRow,
  'id' | 'run' | 'name' | 'attempt' | 'attempts_max' | 'tries_free' | 'child' | 'parent' | 'item_index' | 'demand'
>

interface Taken {
  readonly task: string
  readonly rank: number
  /** `ready`, or `waiting`: it is called again. */
  readonly before: string
}

/** Takes the first due tasks that ask for no room. */
export async function takeFirst(
  tx: Tx,
  { pool, now, limit }: { pool: string; now: number; limit: number },
): Promise<readonly TakenTask[]> {
  if (engineOf(tx) === 'postgres') return inOrder(await runText<BegunRow>(tx, firstAtOnce, [now, pool, now, limit]))
  return begin(tx, await runText<Taken>(tx, firstOut, [pool, now, limit]), now)
}

/** Takes those of these tasks that are still due. */
export async function takeTasks(tx: Tx, ids: readonly string[], now: number): Promise<readonly TakenTask[]> {
  const rows = ids.flatMap(id => [id, now])
  if (engineOf(tx) === 'postgres') return inOrder(await runRows<BegunRow>(tx, namedAtOnce, rows))
  return begin(tx, await runRows<Taken>(tx, namedOut, rows), now)
}

const rank = '(due.next_at - due.priority * 60000)'
const firstDue = `due.pool = ? and due.demand = '' and +due.next_at <= ? order by ${rank}, due.task limit ?`
const namedDue = 'due.task = given.id and due.next_at <= given.at'
const given = { head: 'with given (id, at) as (', types: ['text', 'bigint'] } as const

/** Rows are chosen once, however the deletion is planned. */
const out = `delete from workflow_queue where task in (select task from chosen)
  returning task, (next_at - priority * 60000) as rank,
    (select state from workflow_task where workflow_task.id = workflow_queue.task) as before`

const firstOut = `with chosen (task) as materialized (select due.task from workflow_queue as due where ${firstDue}) ${out}`

const namedOut: RowStatement = {
  ...given,
  tail: `), chosen (task) as materialized (
      select due.task from given cross join workflow_queue as due where ${namedDue})
    ${out}`,
}

/** They are running from now on, in the order of their rank; one that was cancelled meanwhile is not. */
async function begin(tx: Tx, taken: readonly Taken[], now: number): Promise<readonly TakenTask[]> {
  const takenOf = new Map(taken.map(one => [one.task, one]))
  const rows = await runRows<BegunTask>(
    tx,
    begun,
    taken.flatMap(({ task }) => [task, now]),
  )
  return inOrder(rows.map(row => ({ ...row, ...takenOf.get(row.id)! })))
}

type BegunRow = BegunTask & Omit<Taken, 'task'>

const inOrder = (rows: readonly BegunRow[]): readonly TakenTask[] =>
  rows.toSorted((x, y) => x.rank - y.rank || (x.id < y.id ? -1 : 1))

const running = `set state = 'running', waiting_for = null, ended_at = null,
  attempt = attempt + case when state = 'ready' then 1 else 0 end`
const told = 'id, run, name, attempt, attempts_max, tries_free, child, parent, item_index, demand'

const begun: RowStatement = {
  head: 'with given (task, at) as (',
  types: ['text', 'bigint'],
  tail: `) update workflow_task ${running}, started_at = coalesce(started_at, given.at)
    from given where id = given.task and state in ('ready', 'waiting')
    returning ${told}`,
}

/**
 * The same in one statement for PostgreSQL. Of several who take at once each takes others, and nobody waits for a row that
 * somebody changes: neither for another claimant, nor for one who ends the task. Whoever has the row of the task has that
 * of the queue: one that is gone by then is not deleted a second time. Rows that were found are not looked for again.
 */
const atOnce = (tables: string, at: string, due: string): string => `chosen as materialized (
    select due.ctid as queued, workflow_task.ctid as placed, state as before, ${rank} as rank, ${at} as at
    from ${tables} workflow_queue as due cross join workflow_task where workflow_task.id = due.task and ${due}
    for update of workflow_task skip locked),
  gone as (
    delete from workflow_queue using chosen where workflow_queue.ctid = chosen.queued
    returning chosen.placed, chosen.before, chosen.rank, chosen.at)
  update workflow_task ${running}, started_at = coalesce(started_at, gone.at)
  from gone where workflow_task.ctid = gone.placed and state in ('ready', 'waiting')
  returning ${told}, before, rank`

const firstAtOnce = `with ${atOnce('', 'cast(? as bigint)', firstDue)}`

const namedAtOnce: RowStatement = { ...given, tail: `), ${atOnce('given cross join', 'given.at', namedDue)}` }
