import type { Transaction } from 'kysely'
import { divided, gpusIn } from './room.ts'
import type { ClaimRequest } from './claim.ts'
import type { WorkflowTables } from './tables.ts'

interface Claimed {
  readonly task: string
  readonly attempt: string
  readonly demand: string
}

/**
 * Gives attempts that ask for GPUs of the machine those that no other attempt with a lease has. Whoever claims holds the
 * machine's slots until the transaction ends, so that one decides at a time.
 */
export async function assignDevices(
  tx: Transaction<WorkflowTables>,
  claimed: readonly Claimed[],
  { machine, devices }: Pick<ClaimRequest, 'machine' | 'devices'>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const takers = claimed
    .map(({ task, attempt, demand }) => ({ task, attempt, gpus: gpusIn(demand) }))
    .filter(({ gpus }) => gpus > 0)
  if (takers.length === 0) return new Map()
  const rows = await tx
    .selectFrom('workflow_lease')
    .select('devices')
    .where('machine', '=', machine)
    .where('devices', 'is not', null)
    .where(
      'task',
      'not in',
      takers.map(({ task }) => task),
    )
    .execute()
  const taken = new Set(rows.flatMap(row => JSON.parse(row.devices!) as string[]))
  const given = divided(takers, { devices, taken })
  for (const [{ task }, own] of given)
    await tx
      .updateTable('workflow_lease')
      .set({ devices: JSON.stringify(own) })
      .where('task', '=', task)
      .execute()
  return new Map([...given].map(([{ attempt }, own]) => [attempt, own]))
}
