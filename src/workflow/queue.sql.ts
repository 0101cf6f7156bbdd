import type { Kysely } from 'kysely'
import { inside, runText } from '#storage'
import { claim, takeOver } from './claim.sql.ts'
import { decide, finish } from './finish.sql.ts'
import type { AttemptId, Pool, TaskId } from './run.ts'
import type { LiveAttempt, QueueStore } from './store.ts'
import type { LeaseRow, WorkflowTables } from './tables.ts'

export function queueStore(db: Kysely<WorkflowTables>): QueueStore {
  const leases = () => db.selectFrom('workflow_lease').select(['attempt', 'task', 'owner', 'lease_until', 'handle'])

  return {
    async dueAt(pools, tx) {
      const own = tx ? inside<WorkflowTables>(tx) : db
      const rows = await runText<{ pool: Pool; next_at: number | null }>(
        own,
        nextByPool(pools.length),
        pools.flatMap(pool => [pool, pool]),
      )
      return Object.fromEntries(rows.flatMap(({ pool, next_at }) => (next_at === null ? [] : [[pool, next_at]])))
    },

    claim: (tx, request) => claim(inside<WorkflowTables>(tx), request),

    async setTracking(tx, attempt, tracking) {
      await inside<WorkflowTables>(tx)
        .updateTable('workflow_lease')
        .set({ tracking })
        .where('attempt', '=', attempt)
        .execute()
    },

    async setHandle(attempt, owner, handle) {
      const { numUpdatedRows } = await db
        .updateTable('workflow_lease')
        .set({ handle: JSON.stringify(handle) })
        .where('attempt', '=', attempt)
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow()
      return Number(numUpdatedRows) > 0
    },

    finish: (tx, requests) => finish(inside<WorkflowTables>(tx), requests),
    decide: (tx, decision) => decide(inside<WorkflowTables>(tx), decision),

    async renew(owner, attempts, leaseUntil) {
      if (attempts.length === 0) return { held: new Set(), taken: new Set(), cancelled: new Set() }
      const held = await db
        .updateTable('workflow_lease')
        .set({ lease_until: leaseUntil })
        .where('attempt', 'in', attempts)
        .where('owner', '=', owner)
        .returning('attempt as id')
        .execute()
      const taken = await leases()
        .select('attempt as id')
        .where('attempt', 'in', attempts)
        .where('owner', '!=', owner)
        .execute()
      const cancelled = await db
        .selectFrom('workflow_lease')
        .innerJoin('workflow_run', 'workflow_run.id', 'workflow_lease.run')
        .select('workflow_lease.attempt as id')
        .where('workflow_lease.attempt', 'in', attempts)
        .where('cancel_requested_at', 'is not', null)
        .execute()
      const [heldIds, takenIds, cancelledIds] = [held, taken, cancelled].map(rows => new Set(rows.map(row => row.id)))
      return { held: heldIds!, taken: takenIds!, cancelled: cancelledIds! }
    },

    async runningOf(owner) {
      return (await leases().where('owner', '=', owner).orderBy('attempt').execute()).map(liveFromRow)
    },

    async expired(now, limit) {
      const rows = await leases().where('lease_until', '<', now).orderBy('lease_until').limit(limit).execute()
      return rows.map(liveFromRow)
    },

    async live(attempts) {
      const rows = await leases().where('attempt', 'in', attempts).execute()
      return new Set(rows.map(row => row.attempt as AttemptId))
    },

    takeOver: (tx, seen, to) => takeOver(inside<WorkflowTables>(tx), seen, to),
  }
}

/** A leap to the first of each pool in the index that is the queue. */
const nextByPool = (pools: number): string => Array<string>(pools).fill(nextOfPool).join(' union all ')
const nextOfPool = `select cast(? as text) as pool, (select min(next_at) from workflow_queue where pool = ?) as next_at`

const liveFromRow = (row: Pick<LeaseRow, 'attempt' | 'task' | 'owner' | 'lease_until' | 'handle'>): LiveAttempt => ({
  id: row.attempt as AttemptId,
  task: row.task as TaskId,
  owner: row.owner,
  leaseUntil: row.lease_until,
  handle: row.handle === null ? undefined : JSON.parse(row.handle),
})
