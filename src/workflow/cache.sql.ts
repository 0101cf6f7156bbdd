import type { Kysely } from 'kysely'
import type { Artifacts, RunId, TaskId, TaskState } from './run.ts'
import type { CacheStore } from './store.ts'
import type { WorkflowTables } from './tables.ts'

export function cacheStore(db: Kysely<WorkflowTables>): CacheStore {
  return {
    async cacheHolder(project, key) {
      const row = await db
        .selectFrom('workflow_cache')
        .innerJoin('workflow_task', 'id', 'task')
        .select(['id', 'run', 'name', 'state', 'outputs', 'metrics', 'ended_at'])
        .where('project', '=', project)
        .where('cache_key', '=', key)
        .executeTakeFirst()
      return (
        row && {
          id: row.id as TaskId,
          run: row.run as RunId,
          name: row.name,
          state: row.state as TaskState,
          outputs: JSON.parse(row.outputs) as Artifacts,
          metrics: JSON.parse(row.metrics),
          endedAt: row.ended_at ?? undefined,
        }
      )
    },

    async holdCache({ project, key, task, instead }) {
      if (instead === undefined) {
        const { numInsertedOrUpdatedRows } = await db
          .insertInto('workflow_cache')
          .values({ project, cache_key: key, task })
          .onConflict(conflict => conflict.columns(['project', 'cache_key']).doNothing())
          .executeTakeFirstOrThrow()
        return numInsertedOrUpdatedRows === 1n
      }
      const { numUpdatedRows } = await db
        .updateTable('workflow_cache')
        .set({ task })
        .where('project', '=', project)
        .where('cache_key', '=', key)
        .where('task', '=', instead)
        .executeTakeFirstOrThrow()
      return numUpdatedRows === 1n
    },
  }
}
