import { CompiledQuery, type Kysely } from 'kysely'
import { inside, prepared } from '#storage'
import { claim, takeOver } from './claim.sql.ts'
import { decide, finish } from './finish.sql.ts'
import { pools, type AttemptId, type Pool, type TaskId } from './run.ts'
import type { LiveAttempt, QueueStore } from './store.ts'
import type { AttemptRow, WorkflowTables } from './tables.ts'

export function queueStore(db: Kysely<WorkflowTables>): QueueStore {
  const liveAttempts = () =>
    db
      .selectFrom('workflow_attempt')
      .select(['id', 'task', 'owner', 'lease_until', 'handle'])
      .where('lease_until', 'is not', null)

  return {
    async dueAt(tx) {
      const own = tx ? inside<WorkflowTables>(tx) : db
      const { rows } = await own.executeQuery<{ pool: Pool; next_at: number | null }>(CompiledQuery.raw(nextByPool))
      return Object.fromEntries(rows.flatMap(({ pool, next_at }) => (next_at === null ? [] : [[pool, next_at]])))
    },

    claim: (tx, request) => claim(inside<WorkflowTables>(tx), request),

    async setTracking(tx, attempt, tracking) {
      await inside<WorkflowTables>(tx)
        .updateTable('workflow_attempt')
        .set({ tracking })
        .where('id', '=', attempt)
        .execute()
    },

    async setHandle(attempt, owner, handle) {
      const { numUpdatedRows } = await db
        .updateTable('workflow_attempt')
        .set({ handle: JSON.stringify(handle) })
        .where('id', '=', attempt)
        .where('owner', '=', owner)
        .where('lease_until', 'is not', null)
        .executeTakeFirstOrThrow()
      return Number(numUpdatedRows) > 0
    },

    finish: (tx, requests) => finish(inside<WorkflowTables>(tx), requests),
    decide: (tx, decision) => decide(inside<WorkflowTables>(tx), decision),

    async renew(owner, attempts, leaseUntil) {
      if (attempts.length === 0) return { held: new Set(), taken: new Set(), cancelled: new Set() }
      const held = await db
        .updateTable('workflow_attempt')
        .set({ lease_until: leaseUntil })
        .where('id', 'in', attempts)
        .where('owner', '=', owner)
        .where('lease_until', 'is not', null)
        .returning('id')
        .execute()
      const taken = await liveAttempts().where('id', 'in', attempts).where('owner', '!=', owner).execute()
      const cancelled = await db
        .selectFrom('workflow_attempt')
        .innerJoin('workflow_run', 'workflow_run.id', 'workflow_attempt.run')
        .select('workflow_attempt.id')
        .where('workflow_attempt.id', 'in', attempts)
        .where('cancel_requested_at', 'is not', null)
        .execute()
      const [heldIds, takenIds, cancelledIds] = [held, taken, cancelled].map(rows => new Set(rows.map(row => row.id)))
      return { held: heldIds!, taken: takenIds!, cancelled: cancelledIds! }
    },

    async runningOf(owner) {
      return (await liveAttempts().where('owner', '=', owner).orderBy('id').execute()).map(liveFromRow)
    },

    async expired(now, limit) {
      const rows = await liveAttempts().where('lease_until', '<', now).orderBy('lease_until').limit(limit).execute()
      return rows.map(liveFromRow)
    },

    async live(attempts) {
      const rows = await liveAttempts().where('id', 'in', attempts).execute()
      return new Set(rows.map(row => row.id as AttemptId))
    },

    takeOver: (tx, seen, to) => takeOver(inside<WorkflowTables>(tx), seen, to),
  }
}

/** A leap to the first of each pool in the index that is the queue. */
const nextByPool = prepared(
  pools
    .map(
      pool => `select '${pool}' as pool, (
        select min(next_at) from workflow_task where pool = '${pool}' and next_at is not null) as next_at`,
    )
    .join(' union all '),
)

const liveFromRow = (row: Pick<AttemptRow, 'id' | 'task' | 'owner' | 'lease_until' | 'handle'>): LiveAttempt => ({
  id: row.id as AttemptId,
  task: row.task as TaskId,
  owner: row.owner,
  leaseUntil: row.lease_until!,
  handle: row.handle === null ? undefined : JSON.parse(row.handle),
})
