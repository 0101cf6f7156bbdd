import type { Selectable } from 'kysely'
import { toPage } from '#kernel/page.ts'
import { inside, type Db } from '#storage'
import { reportStore } from './report-store.sql.ts'
import type { Criterion, StudyId, StudySpec } from './study.ts'
import type { StoredStudy, StudyChange, TuningStore } from './store.ts'
import type { TuningTables } from './tables.ts'
import { trialStore } from './trial-store.sql.ts'

/** Studies in SQL: one text for SQLite and PostgreSQL. */
export function sqlTuningStore(db: Db): TuningStore {
  const tables = db.withTables<TuningTables>()
  return {
    ...trialStore(tables),
    ...reportStore(tables),

    async insertStudy(tx, { spec, run, createdAt, ...draft }) {
      const { numInsertedOrUpdatedRows } = await inside<TuningTables>(tx)
        .insertInto('tuning_study')
        .values({
          ...draft,
          name: spec.name,
          spec: JSON.stringify(spec),
          run: run ?? null,
          created_at: createdAt,
          ...columnsOf(fresh),
          revision: 0,
        })
        .onConflict(conflict => conflict.columns(['project', 'name']).doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    },

    async findStudy({ project, name }) {
      const row = await tables
        .selectFrom('tuning_study')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async listStudies(project, { limit, after }) {
      let query = tables
        .selectFrom('tuning_study')
        .selectAll()
        .where('project', '=', project)
        .orderBy('id', 'desc')
        .limit(limit + 1)
      if (after !== undefined) query = query.where('id', '<', after)
      return toPage((await query.execute()).map(fromRow), limit, study => study.id)
    },

    async runningOf(run) {
      const rows = await tables
        .selectFrom('tuning_study')
        .selectAll()
        .where('run', '=', run)
        .where('state', '=', 'running')
        .orderBy('id')
        .execute()
      return rows.map(fromRow)
    },

    async lock(tx, id) {
      const row = await inside<TuningTables>(tx)
        .updateTable('tuning_study')
        .set(eb => ({ revision: eb('revision', '+', 1) }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow()
      return fromRow(row)
    },

    async update(tx, id, change) {
      await inside<TuningTables>(tx).updateTable('tuning_study').set(columnsOf(change)).where('id', '=', id).execute()
    },
  }
}

const fresh: StudyChange = {
  asked: 0,
  counts: { running: 0, complete: 0, pruned: 0, failed: 0 },
  best: undefined,
  sinceBest: 0,
  criterion: undefined,
  endedAt: undefined,
}

const columnsOf = ({ asked, counts, best, sinceBest, criterion, endedAt }: StudyChange) => ({
  asked,
  ...counts,
  best_number: best?.number ?? null,
  best_loss: best?.loss ?? null,
  since_best: sinceBest,
  state: criterion === undefined ? 'running' : 'ended',
  criterion: criterion ?? null,
  ended_at: endedAt ?? null,
})

const fromRow = (row: Selectable<TuningTables['tuning_study']>): StoredStudy => ({
  id: row.id as StudyId,
  project: row.project,
  spec: JSON.parse(row.spec) as StudySpec,
  experiment: row.experiment,
  tracking: row.tracking,
  run: row.run ?? undefined,
  actor: row.actor,
  createdAt: row.created_at,
  asked: row.asked,
  counts: { running: row.running, complete: row.complete, pruned: row.pruned, failed: row.failed },
  best: row.best_number === null ? undefined : { number: row.best_number, loss: row.best_loss! },
  sinceBest: row.since_best,
  criterion: (row.criterion as Criterion | null) ?? undefined,
  revision: row.revision,
  endedAt: row.ended_at ?? undefined,
})
