import type { Kysely } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside } from '#storage'
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
      const row = await db.selectFrom('workflow_run').selectAll().where('id', '=', id).executeTakeFirst()
      return row && runFromRow(row)
    },

    async findRunByKey(project, key) {
      const row = await db
        .selectFrom('workflow_run')
        .selectAll()
        .where('project', '=', project)
        .where('run_key', '=', key)
        .executeTakeFirst()
      return row && runFromRow(row)
    },

    async listRuns({ project, pipeline, state }, { limit, after }) {
      let query = db
        .selectFrom('workflow_run')
        .selectAll()
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

    async cancel(tx, id, at) {
      const own = inside<WorkflowTables>(tx)
      const run = await own
        .updateTable('workflow_run')
        .set(eb => ({ cancel_requested_at: eb.fn.coalesce('cancel_requested_at', eb.val(at)) }))
        .where('id', '=', id)
        .where('state', 'in', ['queued', 'running'])
        .returning('verdict')
        .executeTakeFirst()
      if (!run) return undefined
      const tasks = await own
        .updateTable('workflow_task')
        .set({ state: 'cancelled', next_at: null, waiting_for: null, ended_at: at })
        .where('run', '=', id)
        .where('state', 'in', ['blocked', 'ready', 'waiting'])
        // What runs at the end still does, unless that has begun.
        .$if(run.verdict === null, query => query.where('is_final', '=', 0))
        .executeTakeFirstOrThrow()
      await own
        .updateTable('workflow_attempt')
        .set({ state: 'cancelled', ended_at: at })
        .where('task', 'in', eb => eb.selectFrom('workflow_task').select('id').where('run', '=', id))
        .where('state', '=', 'waiting')
        .execute()
      return conclude(own, await countDown(own, id, Number(tasks.numUpdatedRows)), at)
    },

    resume: (tx, id, at) => resume(inside<WorkflowTables>(tx), id, at),
  }
}
