import type { Kysely } from 'kysely'
import { inside } from '#storage'
import { claimOverdue, overdue } from './claim.sql.ts'
import type { Demand } from './room.ts'
import type { RoomStore } from './room-store.ts'
import { roomIn } from './slots.sql.ts'
import type { WorkflowTables } from './tables.ts'

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

  async demands(tasks) {
    if (tasks.length === 0) return new Map()
    const rows = await db
      .selectFrom('workflow_task')
      .select(['id', 'demand'])
      .where('id', 'in', tasks)
      .where('demand', '!=', '')
      .execute()
    return new Map(rows.map(({ id, demand }) => [id, JSON.parse(demand) as Demand]))
  },

  hasOverdue: async now => (await overdue(db, { now, limit: 1 })).length > 0,
  claimOverdue: (tx, request) => claimOverdue(inside<WorkflowTables>(tx), request),
})
