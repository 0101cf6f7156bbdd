import { sql, type Kysely, type Transaction } from 'kysely'
import { newId } from '#kernel/id.ts'
import type { TrackingRunId } from '#tracking'
import { dueTasks } from './due.sql.ts'
import { recordFromRow } from './record.sql.ts'
import { itemSpec, type AttemptId, type Item, type RunId, type TaskId } from './run.ts'
import type { Claim, ClaimRequest, LiveAttempt } from './store.ts'
import type { AttemptRow, SpecRow, TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>
type Taker = Omit<ClaimRequest, 'pool'>

/** Takes due tasks out of the queue: each becomes a running attempt of the claimant, in one transaction. */
export async function claim(tx: Tx, request: ClaimRequest): Promise<readonly Claim[]> {
  const due = await dueTasks(tx, request)
  return due.length === 0 ? [] : opened(tx, await takeTasks(tx, due, request), request)
}

/** Takes tasks that have waited in the queue for longer than they may: room or not, somebody has to say so. */
export async function claimOverdue(tx: Tx, request: Taker): Promise<readonly Claim[]> {
  const ids = (await overdue(tx, request)).map(({ id }) => id)
  return ids.length === 0 ? [] : opened(tx, await takeTasks(tx, ids, request), request)
}

export const overdue = (db: Kysely<WorkflowTables>, { now, limit }: { now: number; limit: number }) =>
  db
    .selectFrom('workflow_task')
    .select('id')
    .where('next_at', 'is not', null)
    .where('queue_ms', 'is not', null)
    .where('state', '=', 'ready')
    .where(sql<number>`(next_at + queue_ms)`, '<=', now)
    .limit(limit)
    .execute()

async function opened(tx: Tx, tasks: readonly TaskRow[], request: Taker): Promise<readonly Claim[]> {
  if (tasks.length === 0) return []
  const attempts = await openAttempts(tx, tasks, request)
  const specs = await tx
    .selectFrom('workflow_task_spec')
    .selectAll()
    .where(
      'task',
      'in',
      tasks.map(task => task.parent ?? task.id),
    )
    .execute()
  const specOf = new Map(specs.map(spec => [spec.task, spec]))
  const itemOf = await itemsOf(tx, tasks)
  return tasks.map(task =>
    claimFromRow(
      { ...task, ...specOf.get(task.parent ?? task.id)! },
      { ...attempts.get(task.id)!, item: itemOf.get(task.id) },
    ),
  )
}

/** What the calls among these tasks are for. */
async function itemsOf(tx: Tx, tasks: readonly TaskRow[]): Promise<ReadonlyMap<string, Item>> {
  const calls = tasks.filter(task => task.parent !== null)
  if (calls.length === 0) return new Map()
  const indexOf = new Map(calls.map(task => [task.id, task.item_index!]))
  const rows = await tx
    .selectFrom('workflow_item')
    .selectAll()
    .where('task', 'in', [...indexOf.keys()])
    .execute()
  return new Map(rows.map(({ task, item }) => [task, { index: indexOf.get(task)!, value: JSON.parse(item) }]))
}

/** The condition is checked again by whoever waited for the row, so that two claimants never take the same task. */
function takeTasks(tx: Tx, due: readonly string[], { now }: Taker): Promise<TaskRow[]> {
  return tx
    .updateTable('workflow_task')
    .set(eb => ({
      state: 'running',
      next_at: null,
      waiting_for: null,
      attempt: eb
        .case()
        .when('state', '=', 'ready')
        .then(eb('attempt', '+', 1))
        .else(eb.ref('attempt'))
        .end(),
      started_at: eb.fn.coalesce('started_at', eb.val(now)),
      ended_at: null,
    }))
    .where('id', 'in', due)
    .where('next_at', '<=', now)
    .where('state', 'in', ['ready', 'waiting'])
    .returningAll()
    .execute()
}

/** A new attempt for each task, or the one that has waited. */
async function openAttempts(
  tx: Tx,
  tasks: readonly TaskRow[],
  { owner, machine, now, leaseUntil }: Taker,
): Promise<Map<string, { id: AttemptId; isNew: boolean }>> {
  const drafts = tasks.map((task): AttemptRow => ({
    id: newId<'attempt'>('att'),
    task: task.id,
    run: task.run,
    number: task.attempt,
    state: 'running',
    owner,
    lease_until: leaseUntil,
    handle: null,
    tracking: null,
    error: null,
    facts: '{}',
    demand: task.demand,
    machine,
    claimed_at: now,
    ended_at: null,
  }))
  const rows = await tx
    .insertInto('workflow_attempt')
    .values(drafts)
    .onConflict(conflict =>
      conflict
        .columns(['task', 'number'])
        .doUpdateSet({ state: 'running', owner, machine, lease_until: leaseUntil })
        .where('workflow_attempt.state', '=', 'waiting'),
    )
    .returning(['id', 'task'])
    .execute()
  const drafted = new Set(drafts.map(draft => draft.id))
  return new Map(rows.map(row => [row.task, { id: row.id as AttemptId, isNew: drafted.has(row.id) }]))
}

/** Makes an attempt another owner's, as long as nobody else has, and its owner has not come back. */
export async function takeOver(
  tx: Tx,
  seen: LiveAttempt,
  { owner, leaseUntil }: { owner: string; leaseUntil: number },
): Promise<Claim | undefined> {
  const attempt = await tx
    .updateTable('workflow_attempt')
    .set({ owner, lease_until: leaseUntil })
    .where('id', '=', seen.id)
    .where('owner', '=', seen.owner)
    .where('lease_until', '=', seen.leaseUntil)
    .returningAll()
    .executeTakeFirst()
  if (!attempt) return undefined
  const task = await tx
    .selectFrom('workflow_task')
    .innerJoin('workflow_task_spec', join =>
      join.on(eb => eb('workflow_task_spec.task', '=', eb.fn.coalesce('workflow_task.parent', 'workflow_task.id'))),
    )
    .selectAll()
    .where('workflow_task.id', '=', attempt.task)
    .executeTakeFirstOrThrow()
  const record = await tx
    .selectFrom('workflow_record')
    .select(['record', 'series'])
    .where('attempt', '=', attempt.id)
    .executeTakeFirst()
  const item = (await itemsOf(tx, [task])).get(task.id)
  const claimed = claimFromRow(task, { id: seen.id, isNew: false, item })
  if (attempt.handle === null) return claimed
  const tracking = (attempt.tracking ?? undefined) as TrackingRunId | undefined
  const begun = { at: attempt.claimed_at, handle: JSON.parse(attempt.handle), tracking, record: recordFromRow(record) }
  return { ...claimed, begun }
}

const claimFromRow = (
  row: TaskRow & SpecRow,
  { id, isNew, item }: { id: AttemptId; isNew: boolean; item: Item | undefined },
): Claim => ({
  attempt: id,
  number: row.attempt,
  isNew,
  task: row.id as TaskId,
  run: row.run as RunId,
  name: row.name,
  declared: item ? row.name.slice(0, row.name.lastIndexOf('[')) : row.name,
  spec: item ? itemSpec(JSON.parse(row.spec)) : JSON.parse(row.spec),
  item,
  needs: JSON.parse(row.needs),
  params: JSON.parse(row.params),
  attemptsMax: row.attempts_max,
  triesFree: row.tries_free,
  child: (row.child ?? undefined) as RunId | undefined,
})
