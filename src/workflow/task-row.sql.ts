import type { Transaction } from 'kysely'
import { durationMs } from '#kernel/duration.ts'
import type { Millis } from '#kernel/clock.ts'
import { approvalOf } from './approval.ts'
import { enqueue, readyOf } from './enqueue.sql.ts'
import { inputsFrom } from './graph.ts'
import { kindOf, poolOf, type Artifacts, type RunTask, type TaskRun } from './run.ts'
import type { RunDraft } from './run-draft.ts'
import type { SpecRow, TaskRow, WorkflowTables } from './tables.ts'
import { shownParams } from './values.ts'

/** Rows in one insert: SQLite takes 32,766 parameters, and a task has some thirty. */
const chunkMax = 500

export async function insertTasks(tx: Transaction<WorkflowTables>, { run, tasks, place }: RunDraft): Promise<void> {
  const idOf = new Map(tasks.map(task => [task.name, task.id]))
  const rows = tasks.map(task => taskRow(run, task, place !== undefined))
  const edges = tasks.flatMap(task => task.needs.map(need => ({ up: idOf.get(need)!, down: task.id })))
  for (let from = 0; from < rows.length; from += chunkMax)
    await tx
      .insertInto('workflow_task')
      .values(rows.slice(from, from + chunkMax))
      .execute()
  await enqueue(tx, readyOf(rows), run.createdAt)
  const specs = tasks.map(({ id, spec, needs, params }) => ({
    task: id,
    spec: JSON.stringify(spec),
    needs: JSON.stringify(needs),
    params: JSON.stringify(params),
  }))
  for (let from = 0; from < specs.length; from += chunkMax)
    await tx
      .insertInto('workflow_task_spec')
      .values(specs.slice(from, from + chunkMax))
      .execute()
  for (let from = 0; from < edges.length; from += chunkMax)
    await tx
      .insertInto('workflow_edge')
      .values(edges.slice(from, from + chunkMax))
      .execute()
}

function taskRow(run: RunDraft['run'], { id, name, spec, needs }: RunDraft['tasks'][number], isHeld: boolean): TaskRow {
  // One that runs at the end waits for that as well.
  const waits = needs.length + (spec.final ? 1 : 0)
  const isReady = waits === 0 && !isHeld
  return {
    id,
    run: run.id,
    name,
    kind: kindOf(spec),
    pool: poolOf(spec),
    state: isReady ? 'ready' : 'blocked',
    needs_open: waits,
    needs_good: 0,
    join_rule: spec.join ?? 'all',
    is_final: spec.final ? 1 : 0,
    attempt: 0,
    attempts_max: spec.retries + 1,
    retries: spec.retries,
    tries_free: 0,
    retry_lost: spec.retry?.on && !spec.retry.on.includes('lost') ? 0 : 1,
    losses: 0,
    outputs: '{}',
    metrics: '{}',
    error: null,
    reason: null,
    parent: null,
    item_index: null,
    items_open: null,
    items_next: 0,
    producer: null,
    child: null,
    waiting_for: null,
    // Of a task with a call for each item its calls take it.
    demand: (spec.forEach === undefined && spec.demand) || '',
    priority: spec.priority ?? 0,
    queue_ms: spec.queueTimeout === undefined ? null : durationMs(spec.queueTimeout),
    started_at: null,
    ended_at: null,
  }
}

/** What a task's row does not say itself. */
interface Around {
  /** Of the tasks that it reads, by name. */
  readonly outputs: ReadonlyMap<string, Artifacts>
  readonly items: TaskRun['items']
}

export const taskFromRow = (row: TaskRow & SpecRow & { item: string | null }, { outputs, items }: Around): TaskRun => {
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
    params: shownParams(JSON.parse(row.params), outputsOf),
    inputs: inputsFrom(spec, outputsOf),
    outputs: JSON.parse(row.outputs),
    metrics: JSON.parse(row.metrics),
    ...(row.error !== null && { error: row.error }),
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.waiting_for !== null && { waitingFor: row.waiting_for }),
    ...(row.started_at !== null && { startedAt: row.started_at as Millis }),
    ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
  }
}
