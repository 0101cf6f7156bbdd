import { sql } from 'kysely'
import type { Vault } from '#secrets'
import { engineOf, retried, type AnyTx, type Db } from '#storage'
import { backfillStore } from './backfill.sql.ts'
import { cacheStore } from './cache.sql.ts'
import { deadlineStore } from './deadline.sql.ts'
import { laneStore } from './lane.sql.ts'
import { queueStore } from './queue.sql.ts'
import { recordStore } from './record.sql.ts'
import { roomStore } from './room.sql.ts'
import { runStore } from './run.sql.ts'
import type { WorkflowStore } from './store.ts'
import type { WorkflowTables } from './tables.ts'
import { triggerStore } from './trigger.sql.ts'

/**
 * What PostgreSQL is told before it plans: each statement of these transactions finds its rows by their keys. To a planner
 * that knows how many keys come only when it runs, to read a whole table looks cheaper as long as that is small, and the
 * plan that it then keeps for a prepared statement is the wrong one when it has grown. What costs is each row that is looked
 * at, not the way to its page [Planner Cost Constants]: it does not look at all tasks for those behind a few.
 */
const byKeys = `
  set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off;
  set local random_page_cost = 0; set local cpu_tuple_cost = 1`

/** Runs in SQL: one text for SQLite and PostgreSQL. */
export function sqlWorkflowStore(database: Db, vault: Pick<Vault, 'seal' | 'open'>): WorkflowStore {
  const db = database.withTables<WorkflowTables>()
  return {
    ...runStore(db),
    ...laneStore(),
    ...queueStore(db),
    ...roomStore(db),
    ...recordStore(db),
    ...cacheStore(db),
    ...backfillStore(db),
    ...deadlineStore(db),
    ...triggerStore(db, vault),
    transactionsAtOnce: engineOf(database) === 'postgres' ? 2 : 1,
    transaction: work =>
      retried(() =>
        db.transaction().execute(async tx => {
          if (engineOf(database) === 'postgres') await sql.raw(byKeys).execute(tx)
          return work(tx as unknown as AnyTx)
        }),
      ),
  }
}
