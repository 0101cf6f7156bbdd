import { sql, type Kysely, type Transaction } from 'kysely'
import { newId } from '#kernel/id.ts'
import { runRows, type RowStatement } from '#storage'
import type { TrackingRunId } from '#tracking'
import { assignDevices } from './devices.sql.ts'
import { takeDue } from './due.sql.ts'
import { recordFromRow } from './record.sql.ts'
import { runFromRow } from './run-row.sql.ts'
import { itemSpec, type AttemptId, type Item, type Run, type RunId, type TaskId } from './run.ts'
import type { LiveAttempt } from './store.ts'
import type { Claim, ClaimRequest } from './claim.ts'
import type { AttemptRow, RunRow, SpecRow, WorkflowTables } from './tables.ts'
import { takeTasks, type TakenTask } from './take.sql.ts'

type Tx = Transaction<WorkflowTables>
type Taker = Omit<ClaimRequest, 'pool'>

/** Takes due tasks out of the queue: each becomes a running attempt of the claimant, in one transaction. */
export const claim = async (tx: Tx, request: ClaimRequest): Promise<readonly Claim[]> =>
  opened(tx, await takeDue(tx, request), request)

/** Takes tasks that have waited in the queue for longer than they may: room or not, somebody has to say so. */
export async function claimOverdue(tx: Tx, request: Taker): Promise<readonly Claim[]> {
  const ids = (await overdue(tx, request)).map(({ id }) => id)
  return opened(tx, await takeTasks(tx, ids, request.now), request)
}

export const overdue = (db: Kysely<WorkflowTables>, { now, limit }: { now: number; limit: number }) =>
  db
    .selectFrom('workflow_queue')
    .select('task as id')
    .where('queue_ms', 'is not', null)
    .where(sql<number>`(next_at + queue_ms)`, '<=', now)
    .limit(limit)
    .execute()

async function opened(tx: Tx, tasks: readonly TakenTask[], request: Taker): Promise<readonly Claim[]> {
  if (tasks.length === 0) return []
  const attempts = await openAttempts(tx, tasks, request)
  const devices = await assignDevices(
    tx,
    tasks.map(({ id, demand }, index) => ({ task: id, attempt: attempts[index]!.attempt, demand })),
    request,
  )
  const specs = await runRows<SpecRow>(tx, specsOf, [...new Set(tasks.map(specified))])
  const specOf = specsFrom(specs)
  const itemOf = await itemsOf(tx, tasks)
  const runOf = await runsOf(tx, tasks, request.now)
  return tasks.map((task, index) => {
    const attempt = attempts[index]!
    const around = { ...attempt, item: itemOf.get(task.id), run: runOf.get(task.run)! }
    const claimed = claimFromRow({ ...task, ...specOf.get(specified(task))! }, around)
    return request.devices.length === 0 ? claimed : { ...claimed, devices: devices.get(attempt.attempt) ?? [] }
  })
}

/** What a task is to do, read. */
type Spec = Pick<Claim, 'spec' | 'needs' | 'params'>

/** By task. Calls of one task, and tasks that are alike, share what was read once. */
function specsFrom(rows: readonly SpecRow[]): ReadonlyMap<string, Spec> {
  const known = new Map<string, unknown>()
  const read = <Value>(text: string): Value => {
    if (!known.has(text)) known.set(text, JSON.parse(text))
    return known.get(text) as Value
  }
  return new Map(
    rows.map(({ task, spec, needs, params }) => [task, { spec: read(spec), needs: read(needs), params: read(params) }]),
  )
}

/** The task whose specification it has. */
const specified = ({ id, parent }: TakenTask): string => parent ?? id

const specsOf: RowStatement = {
  head: 'with given (id) as (',
  types: ['text'],
  tail: `) select task, spec, needs, params from given cross join workflow_task_spec where task = given.id`,
}

/** The runs of these tasks, each running from its first task on. */
async function runsOf(tx: Tx, tasks: readonly TakenTask[], now: number): Promise<ReadonlyMap<string, Run>> {
  const ids = [...new Set(tasks.map(({ run }) => run))]
  const rows = await runRows<RunRow>(tx, runsById, ids)
  const queued = rows.filter(({ state }) => state === 'queued').map(({ id }) => id)
  if (queued.length > 0)
    await tx
      .updateTable('workflow_run')
      .set(eb => ({ state: 'running', started_at: eb.fn.coalesce('started_at', eb.val(now)) }))
      .where('id', 'in', queued)
      .where('state', '=', 'queued')
      .execute()
  return new Map(rows.map(row => [row.id, runFromRow(begun(row, now))]))
}

const begun = (row: RunRow, now: number): RunRow =>
  row.state === 'queued' ? { ...row, state: 'running', started_at: row.started_at ?? now } : row

const runsById: RowStatement = {
  head: 'with given (run) as (',
  types: ['text'],
  tail: `) select workflow_run.* from given cross join workflow_run where workflow_run.id = given.run`,
}

/** What the calls among these tasks are for. */
async function itemsOf(
  tx: Tx,
  tasks: readonly Pick<TakenTask, 'id' | 'parent' | 'item_index'>[],
): Promise<ReadonlyMap<string, Item>> {
  const calls = tasks.filter(task => task.parent !== null)
  const indexOf = new Map(calls.map(task => [task.id, task.item_index!]))
  const rows = await runRows<{ task: string; item: string }>(tx, itemsById, [...indexOf.keys()])
  return new Map(rows.map(({ task, item }) => [task, { index: indexOf.get(task)!, value: JSON.parse(item) }]))
}

const itemsById: RowStatement = {
  head: 'with given (id) as (',
  types: ['text'],
  tail: `) select task, item from given cross join workflow_item where task = given.id`,
}

/** A new attempt for each task, or the one that has waited, in their order; each with a lease, which it is a row of while it runs. */
async function openAttempts(
  tx: Tx,
  tasks: readonly TakenTask[],
  { owner, machine, now, leaseUntil }: Taker,
): Promise<readonly Pick<Claim, 'call' | 'isNew' | 'attempt'>[]> {
  const waited = await takeBack(tx, tasks)
  const drafts = tasks.map(task => ({ task, attempt: waited.get(task.id) ?? newAttempt(now) }))
  const leases = drafts.flatMap(({ task: { id, run, attempt: number, demand }, attempt }) => [
    attempt.id,
    id,
    run,
    number,
    attempt.claimed_at,
    attempt.tracking,
    attempt.record,
    attempt.series,
    attempt.call,
    owner,
    leaseUntil,
    demand,
    machine,
  ])
  await runRows(tx, newLeases, leases)
  return drafts.map(({ task, attempt: { id, call } }) => ({
    attempt: id as AttemptId,
    call,
    isNew: !waited.has(task.id),
  }))
}

type Opened = Pick<AttemptRow, 'id' | 'claimed_at' | 'tracking' | 'record' | 'series' | 'call'>

const newAttempt = (now: number): Opened => ({
  id: newId<'attempt'>('att'),
  claimed_at: now,
  tracking: null,
  record: null,
  series: null,
  call: 1,
})

/** The attempts of those of these tasks that have waited, by task. */
async function takeBack(tx: Tx, tasks: readonly TakenTask[]): Promise<ReadonlyMap<string, Opened>> {
  const waiting = tasks.filter(({ before }) => before === 'waiting')
  const rows = await runRows<Opened & { task: string }>(
    tx,
    waitedAttempts,
    waiting.flatMap(({ id, attempt }) => [id, attempt]),
  )
  return new Map(rows.map(row => [row.task, { ...row, call: row.call + 1 }]))
}

const waitedAttempts: RowStatement = {
  head: 'with given (of_task, place) as (',
  types: ['text', 'bigint'],
  tail: `) delete from workflow_attempt
    where (task, number) in (select of_task, place from given) and state = 'waiting'
    returning id, task, claimed_at, tracking, record, series, call`,
}

const newLeases: RowStatement = {
  head: `insert into workflow_lease (
    attempt, task, run, number, claimed_at, tracking, record, series, call, owner, lease_until, demand, machine)`,
  types: [
    ...(['text', 'text', 'text', 'bigint', 'bigint', 'text', 'text', 'text'] as const),
    ...(['bigint', 'text', 'bigint', 'text', 'text'] as const),
  ],
  tail: '',
}

/** Makes an attempt another owner's, as long as nobody else has, and its owner has neither come back nor begun it since. */
export async function takeOver(
  tx: Tx,
  seen: LiveAttempt,
  { owner, leaseUntil }: { owner: string; leaseUntil: number },
): Promise<Claim | undefined> {
  const lease = await tx
    .updateTable('workflow_lease')
    .set({ owner, lease_until: leaseUntil })
    .where('task', '=', seen.task)
    .where('attempt', '=', seen.id)
    .where('owner', '=', seen.owner)
    .where('lease_until', '=', seen.leaseUntil)
    .where('handle', 'is not distinct from', seen.handle === undefined ? null : JSON.stringify(seen.handle))
    .returning(['task', 'call', 'handle', 'claimed_at', 'tracking', 'record', 'series'])
    .executeTakeFirst()
  if (!lease) return undefined
  const task = await tx
    .selectFrom('workflow_task')
    .innerJoin('workflow_task_spec', join =>
      join.on(eb => eb('workflow_task_spec.task', '=', eb.fn.coalesce('workflow_task.parent', 'workflow_task.id'))),
    )
    .selectAll()
    .where('workflow_task.id', '=', lease.task)
    .executeTakeFirstOrThrow()
  const item = (await itemsOf(tx, [task])).get(task.id)
  const run = runFromRow(
    await tx.selectFrom('workflow_run').selectAll().where('id', '=', task.run).executeTakeFirstOrThrow(),
  )
  const claimed = claimFromRow(
    { ...task, ...specsFrom([task]).get(task.task)! },
    { attempt: seen.id, call: lease.call, isNew: false, item, run },
  )
  if (lease.handle === null) return claimed
  const tracking = (lease.tracking ?? undefined) as TrackingRunId | undefined
  const begun = { at: lease.claimed_at, handle: JSON.parse(lease.handle), tracking, record: recordFromRow(lease) }
  return { ...claimed, begun }
}

const claimFromRow = (
  row: Omit<TakenTask, 'run' | 'before'> & Spec,
  { item, run, ...attempt }: Pick<Claim, 'attempt' | 'call' | 'isNew' | 'item' | 'run'>,
): Claim => ({
  ...attempt,
  number: row.attempt,
  task: row.id as TaskId,
  run,
  name: row.name,
  declared: item ? row.name.slice(0, row.name.lastIndexOf('[')) : row.name,
  spec: item ? itemSpec(row.spec) : row.spec,
  item,
  needs: row.needs,
  params: row.params,
  attemptsMax: row.attempts_max,
  triesFree: row.tries_free,
  child: (row.child ?? undefined) as RunId | undefined,
})
