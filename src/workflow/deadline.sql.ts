import { sql, type Kysely, type Transaction } from 'kysely'
import { inside } from '#storage'
import type { DeadlineStore, Freshness } from './deadline-store.ts'
import { runFromRow } from './run-row.sql.ts'
import type { RunRow, WorkflowTables } from './tables.ts'

type Tx = Transaction<WorkflowTables>

export const deadlineStore = (db: Kysely<WorkflowTables>): DeadlineStore => ({
  async setFreshness(tx, project, limits, at) {
    const own = inside<WorkflowTables>(tx)
    const names = limits.map(({ pipeline }) => pipeline)
    await own
      .deleteFrom('workflow_freshness')
      .where('project', '=', project)
      .$if(names.length > 0, query => query.where('pipeline', 'not in', names))
      .execute()
    for (const { pipeline, maxAgeMs } of limits) {
      const since = (await lastSuccess(own, project, pipeline)) ?? at
      await own
        .insertInto('workflow_freshness')
        .values({ project, pipeline, max_age_ms: maxAgeMs, since, stale_at: null })
        .onConflict(conflict =>
          conflict.columns(['project', 'pipeline']).doUpdateSet({
            max_age_ms: maxAgeMs,
            stale_at: sql`case when workflow_freshness.since + ${maxAgeMs} > ${at} then null else workflow_freshness.stale_at end`,
          }),
        )
        .execute()
    }
  },

  async freshness(project) {
    const rows = await db
      .selectFrom('workflow_freshness')
      .selectAll()
      .where('project', '=', project)
      .orderBy('pipeline')
      .execute()
    return rows.map(fromRow)
  },

  async nextDeadlineAt() {
    const { run } = await db
      .selectFrom('workflow_run')
      .select(({ fn }) => fn.min<number | null>('deadline_at').as('run'))
      .where('deadline_at', 'is not', null)
      .where('ended_at', 'is', null)
      .where('late_at', 'is', null)
      .executeTakeFirstOrThrow()
    const { pipeline } = await db
      .selectFrom('workflow_freshness')
      .select(sql<number | null>`min(since + max_age_ms)`.as('pipeline'))
      .where('stale_at', 'is', null)
      .executeTakeFirstOrThrow()
    const found = [run, pipeline].filter(at => at !== null)
    return found.length > 0 ? Math.min(...found) : undefined
  },

  async missDeadlines(tx, now, limit) {
    const own = inside<WorkflowTables>(tx)
    const due = own
      .selectFrom('workflow_run')
      .select('id')
      .where('deadline_at', '<=', now)
      .where('ended_at', 'is', null)
      .where('late_at', 'is', null)
      .orderBy('deadline_at')
      .limit(limit)
    // It may have ended, or been seen by another server, between the two looks.
    const runs: readonly RunRow[] = await own
      .updateTable('workflow_run')
      .set({ late_at: now })
      .where('id', 'in', due)
      .where('ended_at', 'is', null)
      .where('late_at', 'is', null)
      .returningAll()
      .execute()
    const pipelines = await own
      .updateTable('workflow_freshness')
      .set({ stale_at: now })
      .where('stale_at', 'is', null)
      .where(sql<boolean>`since + max_age_ms <= ${now}`)
      .returningAll()
      .execute()
    return { runs: runs.map(runFromRow), pipelines: pipelines.map(fromRow) }
  },

  async nextLimitAt() {
    const { at } = await limited(db)
      .select(sql<number | null>`min(started_at + limit_ms)`.as('at'))
      .executeTakeFirstOrThrow()
    return at ?? undefined
  },

  async overLimit(now, limit) {
    const rows = await limited(db)
      .selectAll()
      .where(sql<boolean>`started_at + limit_ms <= ${now}`)
      .orderBy(sql`started_at + limit_ms`)
      .limit(limit)
      .execute()
    return rows.map(runFromRow)
  },

  async setLimited(tx, run, at) {
    const { numUpdatedRows } = await inside<WorkflowTables>(tx)
      .updateTable('workflow_run')
      .set({ limited_at: at })
      .where('id', '=', run)
      .where('ended_at', 'is', null)
      .where('limited_at', 'is', null)
      .where('cancel_requested_at', 'is', null)
      .where('verdict', 'is', null)
      .executeTakeFirstOrThrow()
    return numUpdatedRows > 0n
  },
})

/** Runs that may yet take too long: not those that are being ended, nor those of which only the tasks at their end are left. */
const limited = (db: Kysely<WorkflowTables>) =>
  db
    .selectFrom('workflow_run')
    .where('limit_ms', 'is not', null)
    .where('ended_at', 'is', null)
    .where('limited_at', 'is', null)
    .where('cancel_requested_at', 'is', null)
    .where('verdict', 'is', null)

/** A run of the pipeline has succeeded: a step of the transaction in which it ends. */
export const refreshed = (tx: Tx, { project, pipeline }: { project: string; pipeline: string }, at: number) =>
  tx
    .updateTable('workflow_freshness')
    .set({ since: at, stale_at: null })
    .where('project', '=', project)
    .where('pipeline', '=', pipeline)
    .execute()

async function lastSuccess(tx: Tx, project: string, pipeline: string): Promise<number | undefined> {
  const row = await tx
    .selectFrom('workflow_run')
    .select('ended_at')
    .where('project', '=', project)
    .where('pipeline', '=', pipeline)
    .where('state', '=', 'succeeded')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.ended_at ?? undefined
}

const fromRow = (row: WorkflowTables['workflow_freshness']): Freshness => ({
  project: row.project,
  pipeline: row.pipeline,
  maxAgeMs: row.max_age_ms,
  since: row.since,
  staleAt: row.stale_at ?? undefined,
})
