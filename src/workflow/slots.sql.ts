import { sql, type Kysely, type Transaction } from 'kysely'
import type { MachineSize } from '#project'
import type { Db } from '#storage'
import { machinesIn, on, take, type Demand, type Room } from './room.ts'
import type { WorkflowTables } from './tables.ts'

/** The machines of the servers on this database. */
export const knownMachines = async (db: Db): Promise<readonly MachineSize[]> =>
  machinesIn(await slotsIn(db.withTables<WorkflowTables>()))

async function slotsIn(db: Kysely<WorkflowTables>): Promise<Demand> {
  const rows = await db.selectFrom('workflow_slots').selectAll().execute()
  return Object.fromEntries(rows.map(({ owner, name, slots }) => [`${owner}/${name}`, slots]))
}

export async function roomIn(db: Kysely<WorkflowTables>): Promise<Room> {
  const slots = await slotsIn(db)
  const running = await db
    .selectFrom('workflow_lease')
    .select(['demand', 'machine'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(sql<boolean>`demand > ''`)
    .groupBy(['demand', 'machine'])
    .execute()
  return {
    slots,
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
