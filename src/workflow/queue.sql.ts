import type { Kysely } from 'kysely'
import { inside, runRows, runText, type RowStatement } from '#storage'
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

    async setTracking(tx, { task, attempt }, tracking) {
      await inside<WorkflowTables>(tx)
        .updateTable('workflow_lease')
        .set({ tracking })
        .where('task', '=', task)
        .where('attempt', '=', attempt)
        .execute()
    },

    async setHandle({ task, attempt }, owner, handle) {
      const { numUpdatedRows } = await db
        .updateTable('workflow_lease')
        .set({ handle: JSON.stringify(handle) })
        .where('task', '=', task)
        .where('attempt', '=', attempt)
        .where('owner', '=', owner)
        .executeTakeFirstOrThrow()
      return Number(numUpdatedRows) > 0
    },

    finish: (tx, requests) => finish(inside<WorkflowTables>(tx), requests),
    decide: (tx, decision) => decide(inside<WorkflowTables>(tx), decision),

    async renew(owner, attempts, leaseUntil) {
      await runRows(
        db,
        renewed,
        attempts.flatMap(({ task, attempt }) => [task, attempt, owner, leaseUntil]),
      )
      const seen = await runRows<{ id: string; owner: string; cancelled_at: number | null }>(
        db,
        leasesOf,
        attempts.flatMap(({ task, attempt }) => [task, attempt]),
      )
      return {
        held: idsOf(seen.filter(lease => lease.owner === owner)),
        taken: idsOf(seen.filter(lease => lease.owner !== owner)),
        cancelled: idsOf(seen.filter(({ cancelled_at }) => cancelled_at !== null)),
      }
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

/**
 * A lease that is as good for the next second is left alone: a transaction that just ends many young attempts holds some of
 * them and asks for others, and whoever changes all of them at that time waits for it while it waits for him.
 */
const renewed: RowStatement = {
  head: 'with given (of_task, of_attempt, holder, until) as (',
  types: ['text', 'text', 'text', 'bigint'],
  tail: `) update workflow_lease set lease_until = given.until
    from given where task = given.of_task and attempt = given.of_attempt and owner = given.holder
      and lease_until not between given.until - 1000 and given.until`,
}

const leasesOf: RowStatement = {
  head: 'with given (of_task, of_attempt) as (',
  types: ['text', 'text'],
  tail: `) select attempt as id, owner, cancel_requested_at as cancelled_at
    from given cross join workflow_lease cross join workflow_run
    where task = given.of_task and attempt = given.of_attempt and workflow_run.id = workflow_lease.run`,
}

const idsOf = (rows: readonly { id: string }[]): ReadonlySet<string> => new Set(rows.map(({ id }) => id))

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
