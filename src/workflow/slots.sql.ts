import { sql, type Kysely, type Transaction } from 'kysely'
import { on, take, type Demand, type Room } from './room.ts'
import type { WorkflowTables } from './tables.ts'

export async function roomIn(db: Kysely<WorkflowTables>): Promise<Room> {
  const slots = await db.selectFrom('workflow_slots').selectAll().execute()
  const running = await db
    .selectFrom('workflow_lease')
    .select(['demand', 'machine'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(sql<boolean>`demand > ''`)
    .groupBy(['demand', 'machine'])
    .execute()
  return {
    slots: Object.fromEntries(slots.map(row => [`${row.owner}/${row.name}`, row.slots])),
    taken: running.reduce<Demand>(
      (taken, { demand, machine, count }) => take(taken, on(machine ?? '', JSON.parse(demand) as Demand), count),
      {},
    ),
  }
}

/** Holds what is asked for until the transaction ends: of several who take of it one decides at a time. */
export async function holdSlots(tx: Transaction<WorkflowTables>, keys: Iterable<string>): Promise<void> {
  // In one order for everybody.
  for (const key of [...new Set(keys)].toSorted())
    await tx
      .updateTable('workflow_slots')
      .set(eb => ({ slots: eb.ref('slots') }))
      .where('owner', '=', key.slice(0, key.indexOf('/')))
      .where('name', '=', key.slice(key.indexOf('/') + 1))
      .execute()
}
