import type { Selectable } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import type { Db } from '#storage'
import type { Delivered, DeliveryStore } from './store.ts'
import type { DeliveryTables } from './tables.ts'

/** Ends of deliveries in SQL, one text for SQLite and PostgreSQL. */
export function sqlDeliveryStore(db: Db): DeliveryStore {
  const tables = db.withTables<DeliveryTables>()
  return {
    deliver: ({ commit, ...delivered }, within) =>
      tables.transaction().execute(async tx => {
        const row = { ...delivered, commit_id: commit }
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('delivery_build')
          .values(row)
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirstOrThrow()
        if ((numInsertedOrUpdatedRows ?? 0n) > 0n) await within(tx)
      }),

    async delivered(runs) {
      if (runs.length === 0) return new Map()
      const rows = await tables
        .selectFrom('delivery_build')
        .selectAll()
        .where('run', 'in', [...runs])
        .execute()
      return new Map(rows.map(row => [row.run, fromRow(row)]))
    },

    conclude: (rollout, within) =>
      tables.transaction().execute(async tx => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('delivery_rollout')
          .values(rollout)
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirstOrThrow()
        if ((numInsertedOrUpdatedRows ?? 0n) > 0n) await within(tx)
      }),
  }
}

const fromRow = ({ commit_id, code, at, ...row }: Selectable<DeliveryTables['delivery_build']>): Delivered => ({
  ...row,
  commit: commit_id,
  code: code as Digest,
  at: at as Millis,
})
