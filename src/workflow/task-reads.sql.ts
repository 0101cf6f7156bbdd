import type { Kysely } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { toPage } from '#kernel/page.ts'
import { taskOf, upstream } from '#project'
import {
  goodStates,
  isGood,
  type Artifacts,
  type RunId,
  type RunTask,
  type TaskId,
  type TaskLine,
  type TaskRun,
  type TaskState,
} from './run.ts'
import type { Producer, RunStore, TaskCounts } from './store.ts'
import type { SpecRow, TaskRow, WorkflowTables } from './tables.ts'
import { artifactsOf, taskFromRow, type WholeRow } from './task-row.sql.ts'

type TaskReads = Pick<
  RunStore,
  | 'listTasks'
  | 'pageTaskRuns'
  | 'findTaskRun'
  | 'pageTasks'
  | 'countTasks'
  | 'gridTasks'
  | 'itemsEnd'
  | 'itemOutputs'
  | 'findTask'
  | 'outputs'
  | 'made'
>

/** An item longer than this is not shown in lists. */
const itemCharactersMax = 1_000

export function taskReads(db: Kysely<WorkflowTables>): TaskReads {
  const whole = (run: string) =>
    db
      .selectFrom('workflow_task')
      .innerJoin('workflow_task_spec', join =>
        join.on(eb => eb('workflow_task_spec.task', '=', eb.fn.coalesce('workflow_task.parent', 'workflow_task.id'))),
      )
      .leftJoin('workflow_item', 'workflow_item.task', 'workflow_task.id')
      .selectAll('workflow_task')
      .select(['workflow_task_spec.task', 'spec', 'needs', 'params', 'item'])
      .where('run', '=', run)

  /** How many calls are in which state, of each task that has calls. By their tasks: by their run takes five times as long. */
  async function itemCounts(
    tasks: readonly { id: string; items_open: number | null }[],
  ): Promise<ReadonlyMap<string, TaskCounts>> {
    const parents = tasks.filter(task => task.items_open !== null).map(({ id }) => id)
    if (parents.length === 0) return new Map()
    const rows = await db
      .selectFrom('workflow_task')
      .select(['parent', 'state'])
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('parent', 'in', parents)
      .groupBy(['parent', 'state'])
      .execute()
    return new Map([...Map.groupBy(rows, row => row.parent!)].map(([parent, states]) => [parent, countsOf(states)]))
  }

  async function whyBad(task: string, { state, first }: { state: string; first: number }): Promise<string> {
    const { error } = await db
      .selectFrom('workflow_task')
      .select('error')
      .where('parent', '=', task)
      .where('state', '=', state)
      .where('item_index', '=', first)
      .executeTakeFirstOrThrow()
    return error ?? state
  }

  const neighbourhood = (task: string) =>
    db
      .selectFrom('workflow_edge')
      .select('up as id')
      .where('down', '=', task)
      .union(db.selectFrom('workflow_edge').select('down as id').where('up', '=', task))
      .union(db.selectFrom('workflow_task').select('id').where('id', '=', task))

  async function outputs(run: string, names: readonly string[]): Promise<Readonly<Record<string, Producer>>> {
    if (names.length === 0) return {}
    const rows = await db
      .selectFrom('workflow_task')
      .select(['id', 'name', 'outputs', 'metrics'])
      .where('run', '=', run)
      .where('name', 'in', names)
      .execute()
    return Object.fromEntries(
      rows.map(({ name, id, outputs: given, metrics }) => [
        name,
        { id: id as TaskId, outputs: JSON.parse(given) as Artifacts, metrics: JSON.parse(metrics) },
      ]),
    )
  }

  /** The tasks with what those gave that they read: tasks among them, and these. */
  async function tasksFrom(
    rows: readonly WholeRow[],
    others: Readonly<Record<string, Producer>> = {},
  ): Promise<readonly TaskRun[]> {
    const own = rows.map(row => [row.name, artifactsOf(row.outputs)] as const)
    const given = new Map([...Object.entries(others).map(([name, { outputs: made }]) => [name, made] as const), ...own])
    const counts = await itemCounts(rows)
    return rows.map(row => taskFromRow(row, { outputs: given, items: counts.get(row.id) }))
  }

  return {
    listTasks: async run => tasksFrom(await whole(run).where('parent', 'is', null).orderBy('id').execute()),

    async pageTaskRuns(run, { limit, after }) {
      const rows = await whole(run)
        .where('parent', 'is', null)
        .$if(after !== undefined, query => query.where('workflow_task.id', '>', after!))
        .orderBy('workflow_task.id')
        .limit(limit + 1)
        .execute()
      const here = new Set(rows.map(({ name }) => name))
      const elsewhere = new Set(rows.flatMap(namesRead).filter(name => !here.has(name)))
      const given = await outputs(run, [...elsewhere])
      return toPage(await tasksFrom(rows, given), limit, ({ id }) => id)
    },

    async findTaskRun(run, nameOrId) {
      const row = await whole(run)
        .where(eb => eb.or([eb('workflow_task.id', '=', nameOrId), eb('name', '=', nameOrId)]))
        .executeTakeFirst()
      if (!row) return undefined
      const given = await outputs(run, namesRead(row))
      const items = (await itemCounts([row])).get(row.id)
      return taskFromRow(row, {
        outputs: new Map(Object.entries(given).map(([name, producer]) => [name, producer.outputs])),
        items,
      })
    },

    async pageTasks({ run, parent, state, around }, { limit, after }) {
      const rows = await db
        .selectFrom('workflow_task')
        .leftJoin('workflow_item', 'workflow_item.task', 'workflow_task.id')
        .leftJoin('workflow_task_spec', 'workflow_task_spec.task', 'workflow_task.id')
        .selectAll('workflow_task')
        .select(['needs', 'item'])
        .where('run', '=', run)
        .where('parent', parent === undefined ? 'is' : '=', parent ?? null)
        .$if(state !== undefined, query => query.where('state', '=', state!))
        .$if(around !== undefined, query => query.where('workflow_task.id', 'in', neighbourhood(around!)))
        .$if(after !== undefined, query => query.where('workflow_task.id', '>', after!))
        .orderBy('workflow_task.id')
        .limit(limit + 1)
        .execute()
      const counts = await itemCounts(rows)
      return toPage(
        rows.map(row => lineFromRow(row, counts.get(row.id))),
        limit,
        line => line.id,
      )
    },

    async countTasks(run) {
      const rows = await db
        .selectFrom('workflow_task')
        .select(['state', eb => eb.fn.countAll<number>().as('count')])
        .where('run', '=', run)
        .where('parent', 'is', null)
        .groupBy('state')
        .execute()
      return countsOf(rows)
    },

    async gridTasks(runs, limit) {
      if (runs.length === 0) return []
      const rows = await db
        .selectFrom('workflow_task')
        .select(['run', 'name', 'state', 'started_at', 'ended_at'])
        .where('run', 'in', runs)
        .where('parent', 'is', null)
        .orderBy('run', 'desc')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(row => ({
        run: row.run,
        name: row.name,
        state: row.state as TaskState,
        ...(row.started_at !== null && { startedAt: row.started_at as Millis }),
        ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
      }))
    },

    async itemsEnd(task) {
      const rows = await db
        .selectFrom('workflow_task')
        .select([
          'state',
          eb => eb.fn.countAll<number>().as('count'),
          eb => eb.fn.min<number>('item_index').as('first'),
        ])
        .where('parent', '=', task)
        .groupBy('state')
        .execute()
      const bad = rows.filter(({ state }) => !isGood(state as TaskState) && state !== 'skipped')
      const first = bad.toSorted((a, b) => a.first - b.first)[0]
      return { states: countsOf(rows), firstBad: first && { index: first.first, why: await whyBad(task, first) } }
    },

    async itemOutputs(task, { after, limit }) {
      const rows = await db
        .selectFrom('workflow_task')
        .select(['item_index', 'outputs'])
        .where('parent', '=', task)
        .where('state', 'in', goodStates)
        .where('item_index', '>', after)
        .orderBy('item_index')
        .limit(limit)
        .execute()
      return rows.map(row => ({ index: row.item_index!, outputs: JSON.parse(row.outputs) as Artifacts }))
    },

    async findTask(id) {
      const row = await db
        .selectFrom('workflow_task')
        .select(['id', 'run', 'name', 'state', 'outputs'])
        .where('id', '=', id)
        .executeTakeFirst()
      return (
        row && {
          id: row.id as TaskId,
          run: row.run as RunId,
          name: row.name,
          state: row.state as TaskState,
          outputs: JSON.parse(row.outputs),
        }
      )
    },

    outputs,

    async made(run) {
      const rows = await db
        .selectFrom('workflow_task')
        .select('outputs')
        .where('run', '=', run)
        .where('state', '=', 'succeeded')
        .where('outputs', '<>', '{}')
        .execute()
      return rows.flatMap(({ outputs: made }) => Object.values(JSON.parse(made) as Artifacts))
    },
  }
}

/** The tasks of whose outputs a task's inputs and parameters are. */
function namesRead({ spec, params }: Pick<SpecRow, 'spec' | 'params'>): readonly string[] {
  const task = JSON.parse(spec) as RunTask
  return [...new Set([...Object.values(task.inputs).map(taskOf), ...upstream({ ...task, params: JSON.parse(params) })])]
}

const countsOf = (rows: readonly { state: string; count: number }[]): TaskCounts =>
  Object.fromEntries(rows.map(({ state, count }) => [state, count]))

const lineFromRow = (
  row: TaskRow & { needs: string | null; item: string | null },
  items: TaskLine['items'],
): TaskLine => ({
  id: row.id as TaskId,
  name: row.name,
  kind: row.kind,
  needs: row.needs === null ? [] : JSON.parse(row.needs),
  state: row.state as TaskState,
  attempt: row.attempt,
  ...(items && { items }),
  ...(row.item_index !== null && { index: row.item_index }),
  ...(row.item !== null && row.item.length <= itemCharactersMax && { item: JSON.parse(row.item) }),
  ...(row.error !== null && { error: row.error }),
  ...(row.reason !== null && { reason: row.reason }),
  ...(row.waiting_for !== null && { waitingFor: row.waiting_for }),
  ...(row.started_at !== null && { startedAt: row.started_at as Millis }),
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
