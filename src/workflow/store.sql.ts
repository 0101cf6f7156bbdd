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
    transaction: work => retried(() => db.transaction().execute(tx => work(tx as unknown as AnyTx))),
  }
}
