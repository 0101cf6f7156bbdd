import type { Digest } from '#kernel/digest.ts'
import type { Db } from '#storage'
import type { CheckpointStore } from './checkpoint-store.ts'
import type { ComputeTables } from './tables.ts'

export function sqlCheckpointStore(db: Db): CheckpointStore {
  const tables = db.withTables<ComputeTables>()
  return {
    async find(key) {
      const row = await tables
        .selectFrom('compute_checkpoint')
        .select('tree')
        .where('task_key', '=', key)
        .executeTakeFirst()
      return row?.tree as Digest | undefined
    },

    async put({ key, attempt, tree, keptUntil }) {
      const { numInsertedOrUpdatedRows } = await tables
        .insertInto('compute_checkpoint')
        .values({ task_key: key, attempt, tree, kept_until: keptUntil })
        .onConflict(conflict =>
          conflict
            .column('task_key')
            .doUpdateSet({ attempt, tree, kept_until: keptUntil })
            .where('compute_checkpoint.attempt', '<=', attempt),
        )
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },

    async expire(key, at) {
      await tables.updateTable('compute_checkpoint').set({ kept_until: at }).where('task_key', '=', key).execute()
    },

    async sweep(now) {
      const { numDeletedRows } = await tables
        .deleteFrom('compute_checkpoint')
        .where('kept_until', '<', now)
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}
