import { sql, type Kysely } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside, runRows, type RowStatement } from '#storage'
import { conclude, countDown } from './conclude.sql.ts'
import { resume } from './resume.sql.ts'
import { runFromRow, runRow } from './run-row.sql.ts'
import type { RunId } from './run.ts'
import type { RunStore } from './store.ts'
import type { WorkflowTables } from './tables.ts'
import { taskReads } from './task-reads.sql.ts'
import { insertTasks } from './task-row.sql.ts'

export function runStore(db: Kysely<WorkflowTables>): RunStore {
  return {
    ...taskReads(db),

    async insertRun(tx, draft) {
      const own = inside<WorkflowTables>(tx)
      const { numInsertedOrUpdatedRows } = await own
        .insertInto('workflow_run')
        .values(runRow(draft))
        .onConflict(conflict => conflict.columns(['project', 'run_key']).doNothing())
        .executeTakeFirstOrThrow()
      if (numInsertedOrUpdatedRows !== 1n) return false
      await insertTasks(own, draft)
      return true
    },

    async findRun(id) {
      const row = await runs(db).where('id', '=', id).executeTakeFirst()
      return row && runFromRow(row)
    },

    async findRunByKey(project, key) {
      const row = await runs(db).where('project', '=', project).where('run_key', '=', key).executeTakeFirst()
      return row && runFromRow(row)
    },

    async endedRuns(ids) {
      const rows = await runRows<{ id: string }>(db, endedById, [...new Set(ids)])
      return new Set(rows.map(({ id }) => id))
    },

    async listRuns({ project, pipeline, state }, { limit, after }) {
      let query = runs(db)
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (pipeline !== undefined) query = query.where('pipeline', '=', pipeline)
      if (state !== undefined) query = query.where('state', '=', state)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(runFromRow), limit, run => run.id)
    },

    async childrenOf(tx, run) {
      const rows = await inside<WorkflowTables>(tx)
        .selectFrom('workflow_task')
        .select('child')
        .where('run', '=', run)
        .where('state', '=', 'waiting')
        .where('child', 'is not', null)
        .execute()
      return rows.map(row => row.child as RunId)
    },

    async cancel(tx, id, { at, why }) {
      const own = inside<WorkflowTables>(tx)
      const run = await own
        .updateTable('workflow_run')
        .set(eb => ({
          cancel_requested_at: eb.fn.coalesce('cancel_requested_at', eb.val(at)),
          ...(why !== undefined && { error: eb.fn.coalesce('error', eb.val(why)) }),
        }))
        .where('id', '=', id)
        .where('state', 'in', ['held', 'queued', 'running'])
        .returning(['verdict', 'place'])
        .executeTakeFirst()
      if (!run) return undefined
      const tasks = await own
        .updateTable('workflow_task')
        .set({ state: 'cancelled', waiting_for: null, ended_at: at })
        .where('run', '=', id)
        .where('state', 'in', ['blocked', 'ready', 'waiting'])
        // What runs at the end still does, unless that has begun, or the run itself has not.
        .$if(run.verdict === null && run.place === null, query => query.where('is_final', '=', 0))
        .executeTakeFirstOrThrow()
      const cancelled = own
        .selectFrom('workflow_task')
        .select('id')
        .where('run', '=', id)
        .where('state', '=', 'cancelled')
      await own.deleteFrom('workflow_queue').where('task', 'in', cancelled).execute()
      await own
        .updateTable('workflow_attempt')
        .set({ state: 'cancelled', ended_at: at })
        .where('task', 'in', eb => eb.selectFrom('workflow_task').select('id').where('run', '=', id))
        .where('state', '=', 'waiting')
        .execute()
      const counted = await countDown(own, new Map([[id, Number(tasks.numUpdatedRows)]]))
      return conclude(own, counted.get(id)!, at)
    },

    resume: (tx, id, request) => resume(inside<WorkflowTables>(tx), id, request),
  }
}

const endedById: RowStatement = {
  head: 'with given (run) as (',
  types: ['text'],
  tail: `) select id from given cross join workflow_run where id = given.run and ended_at is not null`,
}

/** Of a run that is held: the one before it in the line, or else the oldest that is active. */
const runs = (db: Kysely<WorkflowTables>) =>
  db
    .selectFrom('workflow_run')
    .selectAll()
    .select(
      sql<string | null>`case when place is null then null else coalesce(
        (select before.id from workflow_run as before where before.project = workflow_run.project
           and before.pipeline = workflow_run.pipeline and before.place is not null and before.place < workflow_run.place
         order by before.place desc limit 1),
        (select active.id from workflow_run as active where active.project = workflow_run.project
           and active.pipeline = workflow_run.pipeline and active.ended_at is null and active.place is null
           and active.parent_task is null
         order by active.id limit 1)) end`.as('behind'),
    )
