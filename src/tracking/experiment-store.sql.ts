import type { Selectable, Transaction } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { inside, type AnyTx, type Db } from '#storage'
import { nextNumber } from './counter.sql.ts'
import type { Experiment } from './experiment.ts'
import type { ExperimentStore } from './store.ts'
import type { TrackingTables } from './tables.ts'

/** Experiments in SQL: one text for SQLite and PostgreSQL. */
export function sqlExperimentStore(db: Db): ExperimentStore {
  const seen = (tx?: AnyTx) => (tx ? inside<TrackingTables>(tx) : db.withTables<TrackingTables>())

  return {
    async insert(tx, { tags, ...experiment }) {
      const own = inside<TrackingTables>(tx)
      const id = await nextNumber(tx, 'experiment')
      const artifactLocation = experiment.artifactLocation ?? `mlflow-artifacts:/${id}`
      const inserted = await own
        .insertInto('tracking_experiment')
        .values({
          id,
          project: experiment.project,
          name: experiment.name,
          artifact_location: artifactLocation,
          lifecycle: experiment.lifecycle,
          created_at: experiment.createdAt,
          updated_at: experiment.updatedAt,
          deleted_at: null,
        })
        .onConflict(c => c.columns(['project', 'name']).doNothing())
        .returning('id')
        .executeTakeFirst()
      if (!inserted) return undefined
      const rows = Object.entries(tags).map(([key, value]) => ({ experiment: id, key, value }))
      if (rows.length > 0) await own.insertInto('tracking_experiment_tag').values(rows).execute()
      return { ...experiment, id: String(id), artifactLocation, tags }
    },

    async find(by, tx) {
      const query = seen(tx).selectFrom('tracking_experiment').selectAll()
      const row = await (
        'id' in by
          ? query.where('id', '=', numberOf(by.id))
          : query.where('project', '=', by.project).where('name', '=', by.name)
      ).executeTakeFirst()
      if (!row) return undefined
      const tags = await seen(tx)
        .selectFrom('tracking_experiment_tag')
        .selectAll()
        .where('experiment', '=', row.id)
        .orderBy('key')
        .execute()
      return fromExperimentRow(row, tags)
    },

    async rename(tx, id, { name, at }) {
      const own = inside<TrackingTables>(tx)
      const holder = await own
        .selectFrom('tracking_experiment as held')
        .innerJoin('tracking_experiment as named', 'named.project', 'held.project')
        .select('held.id')
        .where('named.id', '=', numberOf(id))
        .where('held.name', '=', name)
        .executeTakeFirst()
      if (holder && String(holder.id) !== id) return 'taken'
      const { numUpdatedRows } = await own
        .updateTable('tracking_experiment')
        .set({ name, updated_at: at })
        .where('id', '=', numberOf(id))
        .where('lifecycle', '=', 'active')
        .executeTakeFirst()
      return numUpdatedRows === 1n ? 'renamed' : 'not_active'
    },

    async setLifecycle(tx, id, { to, at }) {
      const own = inside<TrackingTables>(tx)
      const deleted_at = to === 'deleted' ? at : null
      const { numUpdatedRows } = await own
        .updateTable('tracking_experiment')
        .set({ lifecycle: to, updated_at: at, deleted_at })
        .where('id', '=', numberOf(id))
        .where('lifecycle', '!=', to)
        .executeTakeFirst()
      if (numUpdatedRows !== 1n) return false
      await own
        .updateTable('tracking_run')
        .set({ lifecycle: to, deleted_at })
        .where('experiment', '=', numberOf(id))
        .where('lifecycle', '!=', to)
        .execute()
      return true
    },

    async putTag(tx, id, { key, value, at }) {
      const own = inside<TrackingTables>(tx)
      await own
        .insertInto('tracking_experiment_tag')
        .values({ experiment: numberOf(id), key, value })
        .onConflict(c => c.columns(['experiment', 'key']).doUpdateSet({ value }))
        .execute()
      await touch(own, id, at)
    },

    async removeTag(tx, id, key) {
      const { numDeletedRows } = await inside<TrackingTables>(tx)
        .deleteFrom('tracking_experiment_tag')
        .where('experiment', '=', numberOf(id))
        .where('key', '=', key)
        .executeTakeFirst()
      return numDeletedRows > 0n
    },
  }
}

const touch = (own: Transaction<TrackingTables>, id: string, at: Millis): Promise<unknown> =>
  own.updateTable('tracking_experiment').set({ updated_at: at }).where('id', '=', numberOf(id)).execute()

/** The number of an experiment id; of other text one that no experiment has. */
export const numberOf = (id: string): number => (/^\d{1,15}$/.test(id) ? Number(id) : -1)

export const fromExperimentRow = (
  row: Selectable<TrackingTables['tracking_experiment']>,
  tags: readonly { key: string; value: string }[],
): Experiment => ({
  id: String(row.id),
  project: row.project,
  name: row.name,
  artifactLocation: row.artifact_location,
  lifecycle: row.lifecycle as Experiment['lifecycle'],
  tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
  createdAt: row.created_at as Millis,
  updatedAt: row.updated_at as Millis,
})
