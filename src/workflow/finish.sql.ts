import { sql, type Transaction, type UpdateObject } from 'kysely'
import { runRows, type RowStatement } from '#storage'
import type { TrackingRunId } from '#tracking'
import { isGood, type Run, type TaskId, type TaskState } from './run.ts'
import { underCancel } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { release, skip } from './behind.sql.ts'
import { dequeue, enqueue } from './enqueue.sql.ts'
import { conclude, countDown } from './conclude.sql.ts'
import { expand, itemsEnded } from './items.sql.ts'
import { recordRow } from './record.sql.ts'
import type { Finished, FinishRequest } from './store.ts'
import type { AttemptRow, LeaseRow, RunRow, TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Ends attempts, and does what follows from it. */
export async function finish(tx: Tx, requests: readonly FinishRequest[]): Promise<readonly (Finished | undefined)[]> {
  const leases = await endLeases(tx, requests)
  const wished: End[] = []
  const own: { readonly lease: EndedLease; readonly request: FinishRequest }[] = []
  const places = new Map<number, number>()
  for (const [place, request] of requests.entries()) {
    const lease = leases.get(request.attempt)
    // Of several results of one attempt the first counts.
    if (!isOf(lease, request) || !leases.delete(request.attempt)) continue
    places.set(place, own.length)
    own.push({ lease, request })
    wished.push({ attempt: lease, outcome: await ifCalledAgain(tx, lease.task, request.outcome), at: request.at })
  }
  const counted = await count(tx, wished)
  await runRows(
    tx,
    endedAttempts,
    own.flatMap(({ lease, request }, index) => attemptRow(lease, request, counted.ends[index] !== wished[index])),
  )
  const finished = await endTasks(tx, counted)
  return requests.map((_, place) => finished[places.get(place) ?? -1])
}

/** Ends a task that waits for somebody's word; undefined when it does not, or no longer. */
export async function decide(
  tx: Tx,
  { run, task, outcome, at }: { run: string; task: string; outcome: Outcome; at: number },
): Promise<Finished | undefined> {
  await countDown(tx, new Map([[run, 0]]))
  const waiting = await tx
    .updateTable('workflow_task')
    .set({ waiting_for: null })
    .where('id', '=', task)
    .where('state', '=', 'waiting')
    .where('kind', '=', 'approval')
    .returning('id')
    .executeTakeFirst()
  if (!waiting) return undefined
  await dequeue(tx, task)
  const attempt = await tx
    .updateTable('workflow_attempt')
    .set({ state: attemptState[outcome.state], error: errorOf(outcome), ended_at: at })
    .where('task', '=', task)
    .where('state', '=', 'waiting')
    .returning(['task', 'run', 'tracking'])
    .executeTakeFirstOrThrow()
  return (await endTasks(tx, await count(tx, [{ attempt, outcome, at }])))[0]
}

/** An attempt that has ended, and what it came to. */
interface End {
  readonly attempt: Pick<AttemptRow, 'task' | 'run' | 'tracking'>
  readonly outcome: Outcome
  readonly at: number
}

/** What is told twice of a call that waited is not taken for the word of the next call. */
const isOf = (lease: EndedLease | undefined, { owner, call }: FinishRequest): lease is EndedLease =>
  lease?.owner === owner && lease.call === call

/** Gives up the leases of those who have them. By attempt. */
async function endLeases(tx: Tx, requests: readonly FinishRequest[]): Promise<Map<string, EndedLease>> {
  const values = requests.flatMap(({ task, attempt, call, owner }) => [task, attempt, call, owner])
  const leases = await runRows<EndedLease>(tx, endedLeases, values)
  return new Map(leases.map(lease => [lease.attempt, lease]))
}

type EndedLease = Omit<LeaseRow, 'lease_until' | 'handle' | 'demand' | 'machine' | 'devices'>

const endedLeases: RowStatement = {
  head: 'with given (of_task, of_attempt, of_call, holder) as (',
  types: ['text', 'text', 'bigint', 'text'],
  tail: `) delete from workflow_lease
    where (task, attempt, call, owner) in (select of_task, of_attempt, of_call, holder from given)
    returning attempt, call, owner, task, run, number, claimed_at, tracking, record, series`,
}

function attemptRow(
  { attempt, call, task, run, number, claimed_at, tracking, ...noted }: EndedLease,
  { outcome, record, at }: FinishRequest,
  isCancelled: boolean,
): readonly (string | number | null)[] {
  const state = isCancelled ? 'cancelled' : attemptState[outcome.state]
  const { record: text, series } = record ? recordRow(record) : noted
  return [attempt, call, task, run, number, state, tracking, errorOf(outcome), text, series, claimed_at, at]
}

const endedAttempts: RowStatement = {
  head: 'with given (id, call, task, run, place, state, tracking, error, record, series, since, at) as (',
  types: [
    ...(['text', 'bigint', 'text', 'text', 'bigint', 'text', 'text', 'text'] as const),
    ...(['text', 'text', 'bigint', 'bigint'] as const),
  ],
  tail: `) insert into workflow_attempt (id, call, task, run, number, state, tracking, error, record, series, claimed_at, ended_at)
    select id, call, task, run, place, state, tracking, error, record, series, since,
      case when state = 'waiting' then null else at end
    from given`,
}

/** Ends, and their runs as they are from here on: nobody else ends tasks of them before the transaction is over. */
interface Counted {
  readonly runs: ReadonlyMap<string, RunRow>
  readonly ends: readonly End[]
  /** Those that are no longer open because their run was cancelled: the run has not counted them. */
  readonly late: readonly End[]
}

async function count(tx: Tx, wished: readonly End[]): Promise<Counted> {
  const runs = await countDown(
    tx,
    countBy(wished, end => (isOpen(end.outcome) ? 0 : 1)),
  )
  const ends = wished.map(end => {
    const outcome = runs.get(end.attempt.run)!.cancel_requested_at === null ? end.outcome : underCancel(end.outcome)
    return outcome === end.outcome ? end : { ...end, outcome }
  })
  const late = ends.filter(({ outcome }, index) => !isOpen(outcome) && isOpen(wished[index]!.outcome))
  return { runs, ends, late }
}

/** Ends the tasks of attempts: many as one, and those that have come to no good one after the other. */
async function endTasks(tx: Tx, { runs, ends, late }: Counted): Promise<readonly Finished[]> {
  const [good, others] = [ends.filter(isSuccess), ends.filter(end => !isSuccess(end))]
  const tasks = await succeed(tx, good)
  await releaseBehind(
    tx,
    good.filter(({ attempt }) => tasks.get(attempt.task)!.parent === null),
  )
  const more = countBy(late, () => 1)
  for (const end of others) {
    const { run, task: id } = end.attempt
    const task = await change(tx, end)
    tasks.set(id, task)
    more.set(run, (more.get(run) ?? 0) + (await consequences(tx, { ...end, task })))
  }
  await endItems(tx, ends, tasks)
  const now = new Map([...runs, ...(await countDown(tx, more))])
  return concluded(tx, ends, { tasks, runs: now })
}

/** What is known of a task that has ended. */
type EndedTask = Pick<TaskRow, 'id' | 'name' | 'kind' | 'state' | 'attempt' | 'started_at' | 'parent'>

async function releaseBehind(tx: Tx, ends: readonly End[]): Promise<void> {
  const last = Math.max(...ends.map(({ at }) => at))
  await release(
    tx,
    ends.map(({ attempt }) => attempt.task),
    last,
  )
}

function countBy(ends: readonly End[], countOf: (end: End) => number): Map<string, number> {
  const counts = new Map<string, number>()
  for (const end of ends) counts.set(end.attempt.run, (counts.get(end.attempt.run) ?? 0) + countOf(end))
  return counts
}

type Success = End & { readonly outcome: Extract<Outcome, { state: 'succeeded' | 'cached' }> }

const isSuccess = (end: End): end is Success => isGood(end.outcome.state)

async function succeed(tx: Tx, ends: readonly Success[]): Promise<Map<string, EndedTask>> {
  const values = ends.flatMap(({ attempt, outcome, at }) => [
    attempt.task,
    outcome.state,
    outcome.state === 'cached' ? outcome.producer : null,
    JSON.stringify(outcome.outputs),
    JSON.stringify(outcome.metrics),
    at,
  ])
  const rows = await runRows<EndedTask>(tx, succeeded, values)
  return new Map(rows.map(row => [row.id, row]))
}

const succeeded: RowStatement = {
  head: 'with given (task, outcome, made_by, outputs, metrics, at) as (',
  types: ['text', 'text', 'text', 'text', 'text', 'bigint'],
  tail: `) update workflow_task
    set state = given.outcome, producer = given.made_by, outputs = given.outputs, metrics = given.metrics, error = null,
        ended_at = given.at
    from given where id = given.task
    returning id, name, kind, state, attempt, started_at, parent`,
}

async function change(tx: Tx, { attempt, outcome, at }: End): Promise<TaskRow> {
  const row = await tx
    .updateTable('workflow_task')
    .set(taskChange(outcome, at))
    .where('id', '=', attempt.task)
    .returningAll()
    .executeTakeFirstOrThrow()
  const nextAt = nextCall(outcome, at)
  if (nextAt !== null) await enqueue(tx, [attempt.task], nextAt)
  return row
}

/** When the task may be claimed again, whose attempt has come to this; null when not, or not by itself. */
function nextCall(outcome: Outcome, at: number): number | null {
  if (outcome.state === 'lost') return at
  return outcome.state === 'retry' || outcome.state === 'waiting' ? outcome.nextAt : null
}

/**
 * What follows from the state of a task that has not succeeded, beside the end of a call for an item. Answers how many more
 * tasks of the run have ended by it; less than none when it has brought new ones.
 */
async function consequences(tx: Tx, { task, outcome, at }: End & { readonly task: TaskRow }): Promise<number> {
  if (outcome.state === 'expanded') return -(await expand(tx, { task, outcome, at }))
  if (task.parent !== null) return 0
  if (outcome.state === 'failed') await blame(tx, task, outcome.error)
  const word = badEnd[outcome.state]
  return word === undefined ? 0 : skip(tx, { task: task.id, reason: `Task ${task.name} ${word}.`, at })
}

/** Tells the tasks with a call for each item which of their calls have ended. */
async function endItems(tx: Tx, ends: readonly End[], tasks: ReadonlyMap<string, EndedTask>): Promise<void> {
  const calls = ends.filter(({ attempt, outcome }) => tasks.get(attempt.task)!.parent !== null && !isOpen(outcome))
  const byParent = Map.groupBy(calls, ({ attempt }) => tasks.get(attempt.task)!.parent!)
  for (const [parent, ended] of byParent) await itemsEnded(tx, { parent, count: ended.length, at: ended.at(-1)!.at })
}

/** Ends the runs that these tasks were the last of: the last of them says so. */
async function concluded(
  tx: Tx,
  ends: readonly End[],
  { tasks, runs }: { tasks: ReadonlyMap<string, EndedTask>; runs: ReadonlyMap<string, RunRow> },
): Promise<readonly Finished[]> {
  const lastOf = new Map(ends.map(end => [end.attempt.run, end]))
  const done = new Map<string, { run: Run; ended: boolean }>()
  for (const [run, { at }] of lastOf) done.set(run, await conclude(tx, runs.get(run)!, at))
  return ends.map(end => {
    const { run, ended } = done.get(end.attempt.run)!
    const task = tasks.get(end.attempt.task)!
    return {
      run,
      runEnded: ended && lastOf.get(end.attempt.run) === end,
      task: {
        id: task.id as TaskId,
        name: task.name,
        kind: task.kind,
        state: task.state as TaskState,
        attempt: task.attempt,
        startedAt: task.started_at ?? undefined,
        parent: (task.parent ?? undefined) as TaskId | undefined,
      },
      tracking: (end.attempt.tracking ?? undefined) as TrackingRunId | undefined,
    }
  })
}

/** So many losses in a row are no accident: the task itself brings them about. */
const lossesMax = 10

/** What was lost is called again, unless its task must not be called twice, or is lost time after time. */
async function ifCalledAgain(tx: Tx, task: string, outcome: Outcome): Promise<Outcome> {
  if (outcome.state !== 'lost') return outcome
  const { retry_lost, losses } = await tx
    .selectFrom('workflow_task')
    .select(['retry_lost', 'losses'])
    .where('id', '=', task)
    .executeTakeFirstOrThrow()
  const failed = (why: string): Outcome => ({ state: 'failed', error: `${outcome.error} ${why}` })
  if (retry_lost !== 1) return failed('It is not called again, because its `retry.on` leaves out lost.')
  if (outcome.isPlanned || losses + 1 < lossesMax) return outcome
  return failed(`It was lost ${lossesMax} times in a row and is not called again: does it end its own processes?`)
}

/** What is said of a task to those that waited for its success in vain. */
const badEnd: Readonly<Partial<Record<Outcome['state'], string>>> = {
  failed: 'failed',
  skipped: 'was skipped',
  cancelled: 'was cancelled',
}

const attemptState = {
  succeeded: 'succeeded',
  cached: 'cached',
  failed: 'failed',
  retry: 'failed',
  skipped: 'skipped',
  waiting: 'waiting',
  expanded: 'waiting',
  cancelled: 'cancelled',
  lost: 'lost',
} as const

const isOpen = (outcome: Outcome): boolean =>
  outcome.state === 'retry' || attemptState[outcome.state] === 'waiting' || outcome.state === 'lost'

const errorOf = (outcome: Outcome): string | null => ('error' in outcome ? (outcome.error ?? null) : null)

function taskChange(outcome: Outcome, at: number): UpdateObject<WorkflowTables, 'workflow_task'> {
  switch (outcome.state) {
    case 'succeeded':
    case 'cached':
      return {
        state: outcome.state,
        producer: outcome.state === 'cached' ? outcome.producer : null,
        outputs: JSON.stringify(outcome.outputs),
        metrics: JSON.stringify(outcome.metrics),
        error: null,
        ended_at: at,
      }
    case 'failed':
      return { state: 'failed', error: outcome.error, ended_at: at }
    case 'skipped':
      return { state: 'skipped', reason: outcome.reason, ended_at: at }
    case 'cancelled':
      return { state: 'cancelled', error: outcome.error ?? null, ended_at: at }
    case 'retry':
      return {
        state: 'ready',
        error: outcome.error,
        losses: 0,
        ...(outcome.isFree && { attempts_max: sql`attempts_max + 1`, tries_free: sql`tries_free + 1` }),
      }
    case 'waiting':
      return {
        state: 'waiting',
        waiting_for: outcome.waitingFor,
        losses: 0,
        ...(outcome.child && 'draft' in outcome.child && { child: outcome.child.draft.run.id }),
      }
    case 'expanded':
      return { state: 'waiting', waiting_for: 'the calls for its items' }
    case 'lost':
      // Not one of the tries that the task was promised.
      return {
        state: 'ready',
        error: outcome.error,
        attempts_max: sql`attempts_max + 1`,
        losses: sql`losses + ${outcome.isPlanned ? 0 : 1}`,
      }
  }
}

/** The first task that fails is the run's error. What runs at its end is told apart: the run has its verdict by then. */
async function blame(tx: Tx, task: TaskRow, error: string): Promise<void> {
  const said = `Task ${task.name}: ${error}`
  await tx
    .updateTable('workflow_run')
    .set(eb =>
      task.is_final === 1
        ? { final_error: eb.fn.coalesce('final_error', eb.val(said)) }
        : { tasks_failed: eb('tasks_failed', '+', 1), error: eb.fn.coalesce('error', eb.val(said)) },
    )
    .where('id', '=', task.run)
    .execute()
}
