import type { Transaction } from 'kysely'
import { durationMs } from '#kernel/duration.ts'
import type { Millis } from '#kernel/clock.ts'
import { runRows, type RowStatement } from '#storage'
import { approvalOf } from './approval.ts'
import { inputsFrom } from './graph.ts'
import { kindOf, poolOf, type Artifacts, type RunTask, type TaskRun } from './run.ts'
import type { RunDraft } from './run-draft.ts'
import type { SpecRow, TaskRow, WorkflowTables } from './tables.ts'
import { shownParams } from './values.ts'

export async function insertTasks(tx: Transaction<WorkflowTables>, { run, tasks, place }: RunDraft): Promise<void> {
  const idOf = new Map(tasks.map(task => [task.name, task.id]))
  const states = tasks.map(task => (isReady(task, place !== undefined) ? 'ready' : 'blocked'))
  await runRows(
    tx,
    newTasks,
    tasks.flatMap((task, index) => taskRow(run.id, task, states[index]!)),
  )
  await runRows(
    tx,
    newQueued,
    tasks.flatMap((task, index) => (states[index] === 'ready' ? queueRow(task, run.createdAt) : [])),
  )
  await runRows(tx, newSpecs, tasks.flatMap(specRow))
  await runRows(
    tx,
    newEdges,
    tasks.flatMap(task => task.needs.flatMap(need => [idOf.get(need)!, task.id])),
  )
}

type TaskDraft = RunDraft['tasks'][number]

/** One that runs at the end waits for that as well. */
const waits = ({ needs, spec }: TaskDraft): number => needs.length + (spec.final ? 1 : 0)

const isReady = (task: TaskDraft, isHeld: boolean): boolean => waits(task) === 0 && !isHeld

/** In the place of a time to wait that is not limited: arrays of numbers have no nulls. */
const unlimited = -1

const newTasks: RowStatement = {
  head: `with given (
    id, of_run, named, of_kind, of_pool, is_now, waits, joins, at_end, tries, again, after_loss, takes, rank, patience) as (`,
  types: [
    ...(['text', 'text', 'text', 'text', 'text', 'text'] as const),
    ...(['bigint', 'text', 'bigint', 'bigint', 'bigint', 'bigint', 'text', 'bigint', 'bigint'] as const),
  ],
  tail: `) insert into workflow_task (
      id, run, name, kind, pool, state, needs_open, join_rule, is_final, attempts_max, retries, retry_lost, demand,
      priority, queue_ms, needs_good, attempt, tries_free, losses, outputs, metrics)
    select id, of_run, named, of_kind, of_pool, is_now, waits, joins, at_end, tries, again, after_loss, takes,
      rank, nullif(patience, ${unlimited}), 0, 0, 0, 0, '{}', '{}'
    from given`,
}

/** What nobody else can have queued. */
const newQueued: RowStatement = {
  head: 'with given (id, of_pool, takes, rank, patience, at) as (',
  types: ['text', 'text', 'text', 'bigint', 'bigint', 'bigint'],
  tail: `) insert into workflow_queue (task, pool, demand, priority, queue_ms, next_at)
    select id, of_pool, takes, rank, nullif(patience, ${unlimited}), at from given`,
}

const newSpecs: RowStatement = {
  head: 'insert into workflow_task_spec (task, spec, needs, params)',
  types: ['text', 'text', 'text', 'text'],
  tail: '',
}

const newEdges: RowStatement = { head: 'insert into workflow_edge (up, down)', types: ['text', 'text'], tail: '' }

const taskRow = (run: string, task: TaskDraft, state: string): (string | number)[] => {
  const { id, name, spec } = task
  return [
    id,
    run,
    name,
    kindOf(spec),
    poolOf(spec),
    state,
    waits(task),
    spec.join ?? 'all',
    spec.final ? 1 : 0,
    spec.retries + 1,
    spec.retries,
    spec.retry?.on && !spec.retry.on.includes('lost') ? 0 : 1,
    ...waitRow(spec),
  ]
}

const queueRow = ({ id, spec }: TaskDraft, at: number): (string | number)[] => [id, poolOf(spec), ...waitRow(spec), at]

/** What it takes, and how it waits for that. */
const waitRow = (spec: RunTask): readonly (string | number)[] => [
  // Of a task with a call for each item its calls take it.
  (spec.forEach === undefined && spec.demand) || '',
  spec.priority ?? 0,
  spec.queueTimeout === undefined ? unlimited : durationMs(spec.queueTimeout),
]

const specRow = ({ id, spec, needs, params }: TaskDraft): string[] => [
  id,
  JSON.stringify(spec),
  JSON.stringify(needs),
  JSON.stringify(params),
]

/** What a task's row does not say itself. */
interface Around {
  /** Of the tasks that it reads, by name. */
  readonly outputs: ReadonlyMap<string, Artifacts>
  readonly items: TaskRun['items']
}

/** A task with its specification, and what it is called for. */
export type WholeRow = TaskRow & SpecRow & { item: string | null }

/** Most tasks have made nothing yet, or nothing at all: of ten thousand, not to look is a fifth of the time. */
export const artifactsOf = (text: string): Artifacts => (text === '{}' ? nothing : (JSON.parse(text) as Artifacts))
const nothing = {}

export const taskFromRow = (row: WholeRow, { outputs, items }: Around): TaskRun => {
  const spec = JSON.parse(row.spec) as RunTask
  const outputsOf = (name: string): Artifacts | undefined => outputs.get(name)
  return {
    id: row.id as TaskRun['id'],
    run: row.run,
    name: row.name,
    kind: row.kind,
    needs: JSON.parse(row.needs),
    state: row.state as TaskRun['state'],
    ...(items && { items }),
    ...(row.child !== null && { child: row.child }),
    ...(row.producer !== null && { producer: row.producer }),
    ...(row.item_index !== null && { index: row.item_index }),
    ...(row.item !== null && { item: JSON.parse(row.item) }),
    ...(spec.approval && { approval: approvalOf(spec.approval) }),
    ...(spec.final && { final: true }),
    attempt: row.attempt,
    attemptsMax: row.attempts_max,
    params: row.params === '{}' ? nothing : shownParams(JSON.parse(row.params), outputsOf),
    inputs: inputsFrom(spec, outputsOf),
    outputs: outputs.get(row.name) ?? artifactsOf(row.outputs),
    metrics: row.metrics === '{}' ? nothing : JSON.parse(row.metrics),
    ...(row.error !== null && { error: row.error }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.waiting_for !== null && { waitingFor: row.waiting_for }),
    ...(row.started_at !== null && { startedAt: row.started_at as Millis }),
    ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
  }
}
