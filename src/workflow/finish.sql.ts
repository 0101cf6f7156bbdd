import { sql, type Transaction, type UpdateObject } from 'kysely'
import type { TrackingRunId } from '#tracking'
import { runFromRow } from './run-row.sql.ts'
import { isGood, underCancel, type Outcome, type Run, type TaskId, type TaskState } from './run.ts'
import { release, skip } from './behind.sql.ts'
import { conclude, countDown } from './conclude.sql.ts'
import { expand, itemEnded } from './items.sql.ts'
import type { Finished, FinishRequest } from './store.ts'
import type { AttemptRow, RunRow, TaskRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

/** Ends an attempt, and does what follows from it. */
export async function finish(tx: Tx, request: FinishRequest): Promise<Finished | undefined> {
  const { at } = request
  const attempt = await endAttempt(tx, request)
  if (!attempt) return undefined
  return endTask(tx, { attempt, wished: await ifCalledAgain(tx, attempt.task, request.outcome), at })
}

/** Ends a task that waits for somebody's word; undefined when it does not, or no longer. */
export async function decide(
  tx: Tx,
  { run, task, outcome, at }: { run: string; task: string; outcome: Outcome; at: number },
): Promise<Finished | undefined> {
  await countDown(tx, run, 0)
  const waiting = await tx
    .updateTable('workflow_task')
    .set({ next_at: null, waiting_for: null })
    .where('id', '=', task)
    .where('state', '=', 'waiting')
    .where('kind', '=', 'approval')
    .returning('id')
    .executeTakeFirst()
  if (!waiting) return undefined
  const attempt = await tx
    .updateTable('workflow_attempt')
    .set({ state: attemptState[outcome.state], error: errorOf(outcome), ended_at: at })
    .where('task', '=', task)
    .where('state', '=', 'waiting')
    .returning(['id', 'task', 'run', 'tracking'])
    .executeTakeFirstOrThrow()
  return endTask(tx, { attempt, wished: outcome, at })
}

type EndedAttempt = Pick<AttemptRow, 'id' | 'task' | 'run' | 'tracking'>

async function endTask(
  tx: Tx,
  { attempt, wished, at }: { attempt: EndedAttempt; wished: Outcome; at: number },
): Promise<Finished> {
  const before = await countDown(tx, attempt.run, isOpen(wished) ? 0 : 1)
  const outcome = before.cancel_requested_at === null ? wished : underCancel(wished)
  if (outcome !== wished)
    await tx.updateTable('workflow_attempt').set({ state: 'cancelled' }).where('id', '=', attempt.id).execute()

  const task = await tx
    .updateTable('workflow_task')
    .set(taskChange(outcome, at))
    .where('id', '=', attempt.task)
    .returningAll()
    .executeTakeFirstOrThrow()
  const { run, ended } = await follow(tx, { before, task, outcome, at, late: isOpen(wished) && !isOpen(outcome) })
  return {
    run,
    runEnded: ended,
    task: {
      id: task.id as TaskId,
      name: task.name,
      kind: task.kind,
      state: task.state as TaskState,
      attempt: task.attempt,
      startedAt: task.started_at ?? undefined,
      parent: (task.parent ?? undefined) as TaskId | undefined,
    },
    tracking: (attempt.tracking ?? undefined) as TrackingRunId | undefined,
  }
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

const endAttempt = (tx: Tx, { attempt, owner, outcome, at, facts = {} }: FinishRequest) =>
  tx
    .updateTable('workflow_attempt')
    .set({
      state: attemptState[outcome.state],
      lease_until: null,
      facts: JSON.stringify(facts),
      error: errorOf(outcome),
      ended_at: attemptState[outcome.state] === 'waiting' ? null : at,
    })
    .where('id', '=', attempt)
    .where('owner', '=', owner)
    .where('lease_until', 'is not', null)
    .returning(['id', 'task', 'run', 'tracking'])
    .executeTakeFirst()

interface Change {
  readonly before: RunRow
  readonly task: TaskRow
  readonly outcome: Outcome
  readonly at: number
  /** Whether the task has ended after all and is not yet counted. */
  readonly late: boolean
}

/** What follows from a task's new state: others become ready or are skipped, and the run ends with its last task. */
async function follow(tx: Tx, { before, task, outcome, at, late }: Change): Promise<{ run: Run; ended: boolean }> {
  if (outcome.state === 'expanded') return { run: runFromRow(await expand(tx, { task, outcome, at })), ended: false }
  if (task.parent !== null) {
    if (!isOpen(outcome)) await itemEnded(tx, task.parent, at)
    return conclude(tx, late ? await countDown(tx, task.run, 1) : before, at)
  }
  if (isGood(outcome.state)) await release(tx, task.id, at)
  const word = badEnd[outcome.state]
  const skipped = word === undefined ? 0 : await skip(tx, { task: task.id, reason: `Task ${task.name} ${word}.`, at })
  if (outcome.state === 'failed') await blame(tx, task, outcome.error)
  const count = skipped + (late ? 1 : 0)
  return conclude(tx, outcome.state === 'failed' || count > 0 ? await countDown(tx, task.run, count) : before, at)
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
        next_at: outcome.nextAt,
        error: outcome.error,
        losses: 0,
        ...(outcome.isFree && { attempts_max: sql`attempts_max + 1`, tries_free: sql`tries_free + 1` }),
      }
    case 'waiting':
      return {
        state: 'waiting',
        next_at: outcome.nextAt,
        waiting_for: outcome.waitingFor,
        losses: 0,
        ...(outcome.child && 'draft' in outcome.child && { child: outcome.child.draft.run.id }),
      }
    case 'expanded':
      return { state: 'waiting', next_at: null, waiting_for: 'the calls for its items' }
    case 'lost':
      // Not one of the tries that the task was promised.
      return {
        state: 'ready',
        next_at: at,
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
