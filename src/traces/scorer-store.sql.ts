import type { Kysely } from 'kysely'
import type { Millis } from '#kernel/clock.ts'
import { inside, type Db } from '#storage'
import type { ScorerStore, ScorerVersion } from './scorers.ts'
import type { TraceTables } from './tables.ts'

/** Scorers in SQL, one text for SQLite and PostgreSQL. */
export function sqlScorerStore(db: Db): ScorerStore {
  const tables = db.withTables<TraceTables>()
  return {
    append: ({ id, experimentId, name, serialized, createdAt }) =>
      db.transaction().execute(async tx => {
        const own = inside<TraceTables>(tx)
        const scorer = await own
          .insertInto('scorer')
          .values({ id, experiment_id: experimentId, name, last_version: 1 })
          .onConflict(conflict =>
            conflict
              .columns(['experiment_id', 'name'])
              .doUpdateSet(eb => ({ last_version: eb('scorer.last_version', '+', 1) })),
          )
          .returning(['id', 'last_version'])
          .executeTakeFirstOrThrow()
        const version = scorer.last_version
        await own
          .insertInto('scorer_version')
          .values({ scorer_id: scorer.id, version, serialized, created_at: createdAt })
          .execute()
        return { id: scorer.id, experimentId, name, version, serialized, createdAt }
      }),

    async latest(experiments) {
      if (experiments.length === 0) return []
      const rows = await joined(tables)
        .where('scorer.experiment_id', 'in', [...experiments])
        .where(eb =>
          eb(
            'scorer_version.version',
            '=',
            eb
              .selectFrom('scorer_version as newer')
              .select(inner => inner.fn.max('newer.version').as('newest'))
              .whereRef('newer.scorer_id', '=', 'scorer.id'),
          ),
        )
        .orderBy('scorer.experiment_id')
        .orderBy('scorer.name')
        .execute()
      return rows.map(fromRow)
    },

    async versions(experiment, name) {
      const rows = await joined(tables)
        .where('scorer.experiment_id', '=', experiment)
        .where('scorer.name', '=', name)
        .orderBy('scorer_version.version')
        .execute()
      return rows.map(fromRow)
    },

    remove: (experiment, name, version) =>
      db.transaction().execute(async tx => {
        const own = inside<TraceTables>(tx)
        const scorer = await own
          .updateTable('scorer')
          .set(eb => ({ last_version: eb.ref('last_version') }))
          .where('experiment_id', '=', experiment)
          .where('name', '=', name)
          .returning('id')
          .executeTakeFirst()
        if (!scorer) return 0
        let doomed = own.deleteFrom('scorer_version').where('scorer_id', '=', scorer.id)
        if (version !== undefined) doomed = doomed.where('version', '=', version)
        const { numDeletedRows } = await doomed.executeTakeFirst()
        await own
          .deleteFrom('scorer')
          .where('id', '=', scorer.id)
          .where(eb =>
            eb.not(eb.exists(eb.selectFrom('scorer_version').select('version').where('scorer_id', '=', scorer.id))),
          )
          .execute()
        return Number(numDeletedRows)
      }),
  }
}

const joined = (tables: Kysely<TraceTables>) =>
  tables
    .selectFrom('scorer')
    .innerJoin('scorer_version', 'scorer_version.scorer_id', 'scorer.id')
    .select([
      'scorer.id',
      'scorer.experiment_id',
      'scorer.name',
      'scorer_version.version',
      'scorer_version.serialized',
      'scorer_version.created_at',
    ])

const fromRow = (row: {
  id: string
  experiment_id: string
  name: string
  version: number
  serialized: string
  created_at: number
}): ScorerVersion => ({
  id: row.id,
  experimentId: row.experiment_id,
  name: row.name,
  version: row.version,
  serialized: row.serialized,
  createdAt: row.created_at as Millis,
})
