import type { Selectable, Transaction } from 'kysely'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import { inside, pageById, pageByVersion, type Db } from '#storage'
import type { FeatureVersion, TrainingSet } from './feature-version.ts'
import type { RequestView } from './request-view.ts'
import type { FeatureStore } from './store.ts'
import type { FeatureTables } from './tables.ts'

type Tx = Transaction<FeatureTables>

/** Feature versions and training sets in SQL, one text for SQLite and PostgreSQL. */
export function sqlFeatureStore(db: Db): FeatureStore {
  const tables = db.withTables<FeatureTables>()
  const versionsOf = (project: string, view: string) =>
    tables.selectFrom('feature_version').selectAll().where('project', '=', project).where('view', '=', view)
  const newestOf = (project: string, view: string) => versionsOf(project, view).orderBy('version', 'desc')

  return {
    transaction: work => db.transaction().execute(work),

    async append(tx, draft) {
      const own = inside<FeatureTables>(tx)
      // The view's row is the lock on its counter: racing writers queue here.
      const { last_version: last } = await lock(own, draft)
      const version: FeatureVersion = { ...draft, version: last + 1 }
      await own.insertInto('feature_version').values(toRow(version)).execute()
      await own
        .updateTable('feature_view')
        .set({ last_version: version.version })
        .where('project', '=', draft.project)
        .where('view', '=', draft.view)
        .execute()
      return version
    },

    async find(id) {
      const row = await tables.selectFrom('feature_version').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    async findMade({ project, view, transform, engineer, dataset }) {
      const row = await newestOf(project, view)
        .where('dataset', '=', dataset)
        .where('transform', '=', transform)
        .where('engineer', '=', engineer)
        .limit(1)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async latest(project, view) {
      const row = await newestOf(project, view).limit(1).executeTakeFirst()
      return row && fromRow(row)
    },

    versions: (project, view, page) => pageByVersion(versionsOf(project, view), page, fromRow),

    ofProject: (project, page) =>
      pageById(tables.selectFrom('feature_version').selectAll().where('project', '=', project), page, fromRow),

    async addTrainingSet(tx, draft, recipe) {
      const own = inside<FeatureTables>(tx)
      const { numInsertedOrUpdatedRows } = await own
        .insertInto('training_set')
        .values(toSetRow(draft, recipe))
        .onConflict(conflict => conflict.columns(['project', 'recipe']).doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 1n) return { set: draft, added: true }
      const kept = await own
        .selectFrom('training_set')
        .selectAll()
        .where('project', '=', draft.project)
        .where('recipe', '=', recipe)
        .executeTakeFirstOrThrow()
      return { set: fromSetRow(kept), added: false }
    },

    async findTrainingSet(id) {
      const row = await tables.selectFrom('training_set').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromSetRow(row)
    },

    trainingSets: (project, page) =>
      pageById(tables.selectFrom('training_set').selectAll().where('project', '=', project), page, fromSetRow),

    async announce(tx, of, key) {
      const own = inside<FeatureTables>(tx)
      const { announced } = await lock(own, of)
      if (announced === key) return false
      await own
        .updateTable('feature_view')
        .set({ announced: key })
        .where('project', '=', of.project)
        .where('view', '=', of.view)
        .execute()
      return true
    },
  }
}

const lock = (
  tx: Tx,
  { project, view }: { project: string; view: string },
): Promise<Selectable<FeatureTables['feature_view']>> =>
  tx
    .insertInto('feature_view')
    .values({ project, view, last_version: 0 })
    .onConflict(conflict =>
      conflict.columns(['project', 'view']).doUpdateSet(eb => ({ last_version: eb.ref('feature_view.last_version') })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()

type VersionRow = Selectable<FeatureTables['feature_version']>

const toRow = ({ columns, from, to, run, createdAt, ...version }: FeatureVersion): VersionRow => ({
  ...version,
  columns: JSON.stringify(columns),
  from_time: from ?? null,
  to_time: to ?? null,
  run: run ?? null,
  created_at: createdAt,
})

const fromRow = (row: VersionRow): FeatureVersion => ({
  id: row.id as FeatureVersion['id'],
  project: row.project,
  view: row.view,
  version: row.version,
  digest: row.digest as Digest,
  transform: row.transform as Digest,
  engineer: row.engineer as Digest,
  dataset: row.dataset,
  rows: row.rows,
  columns: JSON.parse(row.columns) as FeatureVersion['columns'],
  ...(row.from_time === null ? {} : { from: row.from_time as Millis }),
  ...(row.to_time === null ? {} : { to: row.to_time as Millis }),
  ...(row.run === null ? {} : { run: row.run }),
  createdAt: row.created_at as Millis,
})

type SetRow = Selectable<FeatureTables['training_set']>

const toSetRow = (
  { features, featureVersions, requests, run, createdAt, ...set }: TrainingSet,
  recipe: string,
): SetRow => ({
  ...set,
  recipe,
  features: JSON.stringify(features),
  feature_versions: JSON.stringify(featureVersions),
  requests: requests ? JSON.stringify(requests) : null,
  run: run ?? null,
  created_at: createdAt,
})

const fromSetRow = (row: SetRow): TrainingSet => ({
  id: row.id as TrainingSet['id'],
  project: row.project,
  service: row.service,
  label: row.label,
  digest: row.digest as Digest,
  features: JSON.parse(row.features) as string[],
  dataset: row.dataset,
  featureVersions: JSON.parse(row.feature_versions) as string[],
  ...(row.requests === null ? {} : { requests: JSON.parse(row.requests) as RequestView[] }),
  rows: row.rows,
  ...(row.run === null ? {} : { run: row.run }),
  createdAt: row.created_at as Millis,
})
