import type { Kysely, Transaction } from 'kysely'
import { invalid } from '#kernel/error.ts'
import { inside, type AnyTx, type Db } from '#storage'
import { pointId, type LoggedModel, type LoggedModelPoint, type LoggedModelStatus } from './logged-model.ts'
import { searchRows } from './logged-model-search.sql.ts'
import type { LoggedModelStore } from './logged-model-store.ts'
import type { LoggedModelTables } from './logged-model-tables.ts'

type Row = LoggedModelTables['logged_model']

/** How many points of a model are read with it: the latest of each metric first. */
const pointsMax = 1_000

/** Logged models in SQL: one text for SQLite and PostgreSQL. */
export function sqlLoggedModelStore(db: Db): LoggedModelStore {
  const tables = db.withTables<LoggedModelTables>()
  const own = (tx: AnyTx): Transaction<LoggedModelTables> => inside<LoggedModelTables>(tx)

  return {
    async insert(tx, model) {
      await own(tx)
        .insertInto('logged_model')
        .values({
          id: model.id,
          experiment: model.experimentId,
          project: model.project,
          name: model.name,
          model_type: model.modelType ?? null,
          source_run: model.sourceRunId ?? null,
          status: model.status,
          lifecycle: model.lifecycle,
          artifact_uri: model.artifactUri,
          created_at: model.createdAt,
          updated_at: model.updatedAt,
        })
        .execute()
      await putPairs(own(tx), 'logged_model_param', model.id, model.params)
      await putPairs(own(tx), 'logged_model_tag', model.id, model.tags)
    },

    async find(id) {
      const rows = await tables.selectFrom('logged_model').selectAll().where('id', '=', id).execute()
      return (await complete(tables, rows))[0]
    },

    async heads(tx, ids) {
      if (ids.length === 0) return []
      const rows = await own(tx)
        .selectFrom('logged_model')
        .select(['id', 'project', 'experiment as experimentId'])
        .where('id', 'in', ids)
        .where('lifecycle', '=', 'active')
        .execute()
      return rows.map(row => ({ ...row }))
    },

    async setStatus(id, status, at) {
      await tables.updateTable('logged_model').set({ status, updated_at: at }).where('id', '=', id).execute()
    },

    async setLifecycle(id, lifecycle, at) {
      await tables.updateTable('logged_model').set({ lifecycle, updated_at: at }).where('id', '=', id).execute()
    },

    putParams: (id, params) =>
      tables.transaction().execute(async tx => {
        if (params.length === 0) return
        const wanted = new Map(params.map(({ key, value }) => [key, value]))
        await tx
          .insertInto('logged_model_param')
          .values(params.map(({ key, value }) => ({ model: id, key, value })))
          .onConflict(c => c.columns(['model', 'key']).doNothing())
          .execute()
        const known = await tx.selectFrom('logged_model_param').selectAll().where('model', '=', id).execute()
        const other = known.find(({ key, value }) => wanted.has(key) && wanted.get(key) !== value)
        if (other)
          throw invalid('Changing param values is not allowed.', [
            { field: `params.${other.key}`, value: wanted.get(other.key), allowed: other.value },
          ])
      }),

    putTags: (id, tags) => putPairs(tables, 'logged_model_tag', id, tags),

    async removeTag(id, key) {
      const { numDeletedRows } = await tables
        .deleteFrom('logged_model_tag')
        .where('model', '=', id)
        .where('key', '=', key)
        .executeTakeFirst()
      return numDeletedRows > 0n
    },

    async putPoints(tx, points) {
      if (points.length === 0) return
      await own(tx)
        .insertInto('logged_model_metric')
        .values(points.map(toPointRow))
        .onConflict(c => c.columns(['model', 'point']).doNothing())
        .execute()
    },

    async search(search) {
      if (search.experimentIds.length === 0) return { items: [] }
      const { rows, ...next } = await searchRows(tables, search)
      return { items: await complete(tables, rows), ...next }
    },

    async owners(experimentIds) {
      if (experimentIds.length === 0) return []
      const rows = await tables
        .selectFrom('logged_model')
        .select(['project', 'experiment as experimentId'])
        .where('experiment', 'in', experimentIds)
        .distinct()
        .execute()
      return rows.map(row => ({ ...row }))
    },
  }
}

async function putPairs(
  writer: Kysely<LoggedModelTables>,
  table: 'logged_model_param' | 'logged_model_tag',
  model: string,
  pairs: readonly { key: string; value: string }[],
): Promise<void> {
  if (pairs.length === 0) return
  await writer
    .insertInto(table)
    .values(pairs.map(({ key, value }) => ({ model, key, value })))
    .onConflict(c => c.columns(['model', 'key']).doUpdateSet(eb => ({ value: eb.ref('excluded.value') })))
    .execute()
}

function toPointRow({
  model,
  ...point
}: LoggedModelPoint & { model: string }): LoggedModelTables['logged_model_metric'] {
  return {
    model,
    point: pointId(point),
    key: point.key,
    value: point.value,
    nan: Number(point.nan),
    at: point.timestamp,
    step: point.step,
    run: point.run,
    dataset_name: point.datasetName ?? '',
    dataset_digest: point.datasetDigest ?? '',
  }
}

/** Rows with what belongs to them, in three statements for all. */
async function complete(tables: Kysely<LoggedModelTables>, rows: readonly Row[]): Promise<readonly LoggedModel[]> {
  if (rows.length === 0) return []
  const ids = rows.map(row => row.id)
  const pairsOf = (table: 'logged_model_param' | 'logged_model_tag') =>
    tables.selectFrom(table).selectAll().where('model', 'in', ids).orderBy('key').execute()
  const points = await tables
    .selectFrom(
      tables
        .selectFrom('logged_model_metric')
        .selectAll()
        .select(eb =>
          eb.fn
            .agg<number>('row_number')
            .over(over => over.partitionBy('model').orderBy('at', 'desc').orderBy('step', 'desc'))
            .as('recency'),
        )
        .where('model', 'in', ids)
        .as('ranked'),
    )
    .selectAll()
    .where('recency', '<=', pointsMax)
    .orderBy('key')
    .orderBy('at')
    .orderBy('step')
    .execute()
  const params = Map.groupBy(await pairsOf('logged_model_param'), pair => pair.model)
  const tags = Map.groupBy(await pairsOf('logged_model_tag'), pair => pair.model)
  const metrics = Map.groupBy(points, point => point.model)
  const plain = ({ key, value }: { key: string; value: string }) => ({ key, value })
  return rows.map(row => ({
    ...fromRow(row),
    params: (params.get(row.id) ?? []).map(plain),
    tags: (tags.get(row.id) ?? []).map(plain),
    metrics: (metrics.get(row.id) ?? []).map(fromPointRow),
  }))
}

const fromRow = (row: Row): Omit<LoggedModel, 'params' | 'tags' | 'metrics'> => ({
  id: row.id,
  experimentId: row.experiment,
  project: row.project,
  name: row.name,
  ...(row.model_type === null ? {} : { modelType: row.model_type }),
  ...(row.source_run === null ? {} : { sourceRunId: row.source_run }),
  status: row.status as LoggedModelStatus,
  lifecycle: row.lifecycle as LoggedModel['lifecycle'],
  artifactUri: row.artifact_uri,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const fromPointRow = (row: LoggedModelTables['logged_model_metric']): LoggedModelPoint => ({
  key: row.key,
  value: row.value,
  nan: row.nan === 1,
  timestamp: row.at,
  step: row.step,
  run: row.run,
  ...(row.dataset_name === '' ? {} : { datasetName: row.dataset_name }),
  ...(row.dataset_digest === '' ? {} : { datasetDigest: row.dataset_digest }),
})
