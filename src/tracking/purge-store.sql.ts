import { sql } from 'kysely'
import { engineOf, inside, type Db } from '#storage'
import { numberOf } from './experiment-store.sql.ts'
import type { LoggedModelTables } from './logged-model-tables.ts'
import type { PurgeStore } from './purge.ts'
import type { TrackingTables } from './tables.ts'

type Tables = TrackingTables & LoggedModelTables

/** Points are many: they go in parts, each a short transaction, and others write in between. */
const spansPerStep = 500
const chunksPerStep = 2_000

export function sqlPurgeStore(db: Db): PurgeStore {
  const tables = db.withTables<Tables>()
  const engine = engineOf(db)

  async function removePointsOf(run: number): Promise<void> {
    for (;;) {
      const { rows } = await sql<{ span: number }>`
        select distinct span from tracking_point where run = ${run} order by span limit ${spansPerStep}`.execute(db)
      if (rows.length === 0) return
      await sql`delete from tracking_point where run = ${run} and span <= ${rows.at(-1)!.span}`.execute(db)
    }
  }

  async function removeChunksOf(run: number): Promise<void> {
    for (let isMore = engine === 'postgres'; isMore;) {
      const { numAffectedRows } = await sql`delete from tracking_chunk where ctid in (
        select ctid from tracking_chunk where run = ${run} limit ${chunksPerStep})`.execute(db)
      isMore = Number(numAffectedRows) === chunksPerStep
    }
  }

  return {
    async runs({ before, project }, limit) {
      let query = tables
        .selectFrom('tracking_run')
        .select(['id', 'name', 'project', 'artifact_uri as artifactUri'])
        .where('lifecycle', '=', 'deleted')
        .where('deleted_at', '<', before)
        .orderBy('deleted_at')
        .orderBy('seq')
        .limit(limit)
      if (project !== undefined) query = query.where('project', '=', project)
      return query.execute()
    },

    async experiments({ before, project }) {
      let query = tables
        .selectFrom('tracking_experiment')
        .select('id')
        .where('lifecycle', '=', 'deleted')
        .where('deleted_at', '<', before)
        // The experiment of runs that name none must be there.
        .where('id', '!=', 0)
        .orderBy('id')
      if (project !== undefined) query = query.where('project', '=', project)
      return (await query.execute()).map(({ id }) => String(id))
    },

    async models(of) {
      const query = tables.selectFrom('logged_model').select(['id', 'name', 'project', 'artifact_uri as artifactUri'])
      if ('run' in of) return query.where('source_run', '=', of.run).execute()
      if ('experiment' in of) return query.where('experiment', '=', of.experiment).execute()
      // Nothing changes a deleted one any more.
      const deleted = query.where('lifecycle', '=', 'deleted').where('updated_at', '<', of.before).orderBy('id')
      return (of.project === undefined ? deleted : deleted.where('project', '=', of.project)).execute()
    },

    async removeRun(tx, id, before) {
      const own = inside<Tables>(tx)
      const row = await own
        .deleteFrom('tracking_run')
        .where('id', '=', id)
        .where('lifecycle', '=', 'deleted')
        .where('deleted_at', '<', before)
        .returning('seq')
        .executeTakeFirst()
      if (!row) return false
      for (const table of ['latest', 'block', 'param', 'tag', 'input', 'model_link'] as const)
        await own.deleteFrom(`tracking_${table}`).where('run', '=', row.seq).execute()
      await own.insertInto('tracking_purged').values({ run: row.seq }).execute()
      return true
    },

    async removePoints() {
      for (;;) {
        const doomed = await tables.selectFrom('tracking_purged').select('run').limit(1).executeTakeFirst()
        if (!doomed) return
        await removePointsOf(doomed.run)
        await removeChunksOf(doomed.run)
        await tables.deleteFrom('tracking_purged').where('run', '=', doomed.run).execute()
      }
    },

    async removeModel(tx, id) {
      const own = inside<Tables>(tx)
      for (const table of ['param', 'tag', 'metric'] as const)
        await own.deleteFrom(`logged_model_${table}`).where('model', '=', id).execute()
      await own.deleteFrom('logged_model').where('id', '=', id).execute()
    },

    async removeExperiment(tx, id) {
      const own = inside<Tables>(tx)
      const experiment = numberOf(id)
      const left = await own
        .selectFrom('tracking_run')
        .select('seq')
        .where('experiment', '=', experiment)
        .limit(1)
        .executeTakeFirst()
      if (left) return false
      await own.deleteFrom('tracking_experiment_tag').where('experiment', '=', experiment).execute()
      await own.deleteFrom('tracking_dataset').where('experiment', '=', experiment).execute()
      const { numDeletedRows } = await own
        .deleteFrom('tracking_experiment')
        .where('id', '=', experiment)
        .where('lifecycle', '=', 'deleted')
        .executeTakeFirst()
      return numDeletedRows === 1n
    },
  }
}
