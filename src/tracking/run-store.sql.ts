import type { Selectable } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { inside, type AnyTx, type Db } from '#storage'
import { nextNumber } from './counter.sql.ts'
import { numberOf } from './experiment-store.sql.ts'
import type { Keys } from './key-store.sql.ts'
import type { RunStore } from './store.ts'
import type { TrackingTables } from './tables.ts'
import type { TrackingRun } from './tracking-run.ts'

/** Runs in SQL, without what they log: one text for SQLite and PostgreSQL. */
export function sqlRunStore(db: Db, keys: Keys): RunStore {
  const seen = (tx?: AnyTx) => (tx ? inside<TrackingTables>(tx) : db.withTables<TrackingTables>())

  return {
    async insert(tx, run) {
      const seq = await nextNumber(tx, 'run')
      await inside<TrackingTables>(tx)
        .insertInto('tracking_run')
        .values({
          seq,
          id: run.id,
          experiment: numberOf(run.experimentId),
          project: run.project,
          name: run.name,
          user_id: run.user,
          status: run.status,
          lifecycle: run.lifecycle,
          artifact_uri: run.artifactUri,
          run: run.run ?? null,
          task: run.task ?? null,
          started_at: run.startedAt,
          ended_at: run.endedAt ?? null,
          deleted_at: null,
          has_blocks: 0,
        })
        .execute()
    },

    async find(id, tx) {
      const row = await seen(tx).selectFrom('tracking_run').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRunRow(row)
    },

    async update(tx, id, { status, endedAt }) {
      const own = inside<TrackingTables>(tx)
      const change = { ...(status !== undefined && { status }), ...(endedAt !== undefined && { ended_at: endedAt }) }
      const row = await (
        Object.keys(change).length > 0
          ? own.updateTable('tracking_run').set(change).where('id', '=', id).returningAll()
          : own.selectFrom('tracking_run').selectAll().where('id', '=', id)
      ).executeTakeFirst()
      return row && fromRunRow(row)
    },

    async setLifecycle(tx, id, { to, at }) {
      await inside<TrackingTables>(tx)
        .updateTable('tracking_run')
        .set({ lifecycle: to, deleted_at: to === 'deleted' ? at : null })
        .where('id', '=', id)
        .where('lifecycle', '!=', to)
        .execute()
    },

    async removeTag(tx, id, key) {
      const number = (await keys.numbersIn(tx, [key])).get(key)!
      const own = inside<TrackingTables>(tx)
      const { numDeletedRows } = await own
        .deleteFrom('tracking_tag')
        .where('run', '=', own.selectFrom('tracking_run').select('seq').where('id', '=', id))
        .where('key', '=', number)
        .executeTakeFirst()
      return numDeletedRows > 0n
    },
  }
}

export const fromRunRow = (row: Selectable<TrackingTables['tracking_run']>): TrackingRun => ({
  id: row.id as TrackingRun['id'],
  project: row.project,
  experimentId: String(row.experiment),
  name: row.name,
  user: row.user_id,
  status: row.status as TrackingRun['status'],
  lifecycle: row.lifecycle as TrackingRun['lifecycle'],
  artifactUri: row.artifact_uri,
  ...(row.run !== null && { run: row.run }),
  ...(row.task !== null && { task: row.task }),
  startedAt: row.started_at as Millis,
  ...(row.ended_at !== null && { endedAt: row.ended_at as Millis }),
})
