import type { Kysely } from 'kysely'
import { inside, runRows, type RowStatement } from '#storage'
import { claimOverdue, overdue } from './claim.sql.ts'
import type { Demand } from './room.ts'
import type { RoomStore } from './room-store.ts'
import type { Pool } from './run.ts'
import { roomIn } from './slots.sql.ts'
import type { WorkflowTables } from './tables.ts'

const queuedById: RowStatement = {
  head: 'with given (id) as (',
  types: ['text'],
  tail: `) select task, pool, demand, next_at from given cross join workflow_queue where task = given.id`,
}

export const roomStore = (db: Kysely<WorkflowTables>): RoomStore => ({
  async setSlots(tx, owner, slots) {
    const own = inside<WorkflowTables>(tx)
    const names = Object.keys(slots).toSorted()
    await own
      .deleteFrom('workflow_slots')
      .where('owner', '=', owner)
      .$if(names.length > 0, query => query.where('name', 'not in', names))
      .execute()
    for (const name of names)
      await own
        .insertInto('workflow_slots')
        .values({ owner, name, slots: slots[name]! })
        .onConflict(conflict => conflict.columns(['owner', 'name']).doUpdateSet({ slots: slots[name]! }))
        .execute()
  },

  room: () => roomIn(db),

  async queued(tasks) {
    const rows = await runRows<WorkflowTables['workflow_queue']>(db, queuedById, tasks)
    return new Map(
      rows.map(({ task, pool, demand, next_at }) => [
        task,
        { pool: pool as Pool, demand: demand === '' ? undefined : (JSON.parse(demand) as Demand), nextAt: next_at },
      ]),
    )
  },

  hasOverdue: async now => (await overdue(db, { now, limit: 1 })).length > 0,
  claimOverdue: (tx, request) => claimOverdue(inside<WorkflowTables>(tx), request),
})
