import { sql, type Expression, type Kysely, type Selectable, type SqlBool } from 'kysely'
import { toPage, type Page } from '#kernel/page.ts'
import {
  afterSql,
  compare,
  cursorsOf,
  exists,
  filterSql,
  orderedPage,
  orderSql,
  placesSql,
  type Condition,
  type Order,
  type OrderTerm,
  type Places,
} from '#search'
import { type Db, type Engine, engineOf, inside } from '#storage'
import { chunks } from './chunks.ts'
import type { DatasetSchema, EvaluationDataset, EvaluationRecord, RecordContent } from './evaluation-dataset.ts'
import type { DatasetQuery, DatasetRow, EvaluationStore } from './evaluation-store.ts'
import type { TraceTables } from './tables.ts'

type Row = Selectable<TraceTables['evaluation_dataset']>
type RecordRow = Selectable<TraceTables['evaluation_record']>

/** Rows of one statement: SQLite takes 32,766 parameters. */
const rowsMax = 1_000

/** Evaluation datasets in SQL, one text for SQLite and PostgreSQL. */
export function sqlEvaluationStore(db: Db): EvaluationStore {
  const tables = db.withTables<TraceTables>()

  /** Datasets with tags and experiments: three statements, however many there are. */
  async function whole(rows: readonly Row[]): Promise<readonly EvaluationDataset[]> {
    if (rows.length === 0) return []
    const ids = rows.map(row => row.id)
    const tags = await tables
      .selectFrom('evaluation_dataset_tag')
      .selectAll()
      .where('dataset_id', 'in', ids)
      .orderBy('key')
      .execute()
    const experiments = await tables
      .selectFrom('evaluation_dataset_experiment')
      .selectAll()
      .where('dataset_id', 'in', ids)
      .orderBy('experiment_id')
      .execute()
    const tagsOf = Map.groupBy(tags, tag => tag.dataset_id)
    const experimentsOf = Map.groupBy(experiments, each => each.dataset_id)
    return rows.map(row => ({
      ...fromRow(row),
      tags: Object.fromEntries((tagsOf.get(row.id) ?? []).map(({ key, value }) => [key, value])),
      experimentIds: (experimentsOf.get(row.id) ?? []).map(each => each.experiment_id),
    }))
  }

  return {
    transaction: work => db.transaction().execute(work),

    async add(tx, dataset) {
      await inside<TraceTables>(tx).insertInto('evaluation_dataset').values(toRow(dataset)).execute()
    },

    async put(tx, dataset) {
      const { id, ...values } = toRow(dataset)
      await inside<TraceTables>(tx).updateTable('evaluation_dataset').set(values).where('id', '=', id).execute()
    },

    async hold(tx, id) {
      const row = await inside<TraceTables>(tx)
        .updateTable('evaluation_dataset')
        .set(eb => ({ name: eb.ref('name') }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async find(id) {
      const row = await tables.selectFrom('evaluation_dataset').selectAll().where('id', '=', id).executeTakeFirst()
      return row && (await whole([row]))[0]
    },

    async remove(id) {
      await tables.deleteFrom('evaluation_dataset').where('id', '=', id).execute()
    },

    async search(query) {
      const { items, ...rest } = await searchRows(tables, query)
      return { items: await whole(items), ...rest }
    },

    async tag(tx, id, tags) {
      const rows = Object.entries(tags).map(([key, value]) => ({ dataset_id: id, key, value }))
      if (rows.length === 0) return
      await inside<TraceTables>(tx)
        .insertInto('evaluation_dataset_tag')
        .values(rows)
        .onConflict(conflict =>
          conflict.columns(['dataset_id', 'key']).doUpdateSet(eb => ({ value: eb.ref('excluded.value') })),
        )
        .execute()
    },

    async untag(id, key) {
      await tables.deleteFrom('evaluation_dataset_tag').where('dataset_id', '=', id).where('key', '=', key).execute()
    },

    async addExperiments(tx, id, experiments) {
      const rows = [...new Set(experiments)].map(experiment_id => ({ dataset_id: id, experiment_id }))
      if (rows.length === 0) return
      await inside<TraceTables>(tx)
        .insertInto('evaluation_dataset_experiment')
        .values(rows)
        .onConflict(conflict => conflict.doNothing())
        .execute()
    },

    async removeExperiments(tx, id, experiments) {
      if (experiments.length === 0) return 0
      const { numDeletedRows } = await inside<TraceTables>(tx)
        .deleteFrom('evaluation_dataset_experiment')
        .where('dataset_id', '=', id)
        .where('experiment_id', 'in', [...experiments])
        .executeTakeFirst()
      return Number(numDeletedRows)
    },

    async recordsByInput(tx, id, digests) {
      const found = new Map<string, EvaluationRecord>()
      for (const some of chunks(digests, rowsMax)) {
        const rows = await inside<TraceTables>(tx)
          .selectFrom('evaluation_record')
          .selectAll()
          .where('dataset_id', '=', id)
          .where('input_digest', 'in', [...some])
          .execute()
        for (const row of rows) found.set(row.input_digest, fromRecordRow(row))
      }
      return found
    },

    async putRecords(tx, records) {
      for (const some of chunks(records.map(toRecordRow), rowsMax))
        await inside<TraceTables>(tx)
          .insertInto('evaluation_record')
          .values([...some])
          .onConflict(conflict =>
            conflict.columns(['dataset_id', 'input_digest']).doUpdateSet(eb => ({
              content: eb.ref('excluded.content'),
              updated_at: eb.ref('excluded.updated_at'),
              updated_by: eb.ref('excluded.updated_by'),
            })),
          )
          .execute()
    },

    async records(id, { limit, after }) {
      const terms: readonly OrderTerm[] = [
        { column: sql`created_at`, descending: false, type: 'number' },
        { column: sql`id`, descending: false, type: 'text' },
      ]
      const cursors = cursorsOf({ dataset: id })
      const behind = after === undefined ? sql<SqlBool>`1 = 1` : afterSql(terms, cursors.decode(after, terms.length))
      const rows = await tables
        .selectFrom('evaluation_record')
        .selectAll()
        .where('dataset_id', '=', id)
        .where(behind)
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit + 1)
        .execute()
      const page = toPage(rows, limit, row => cursors.encode([row.created_at, row.id]))
      return { ...page, items: page.items.map(fromRecordRow) }
    },

    async removeRecords(tx, id, records) {
      if (records.length === 0) return 0
      const { numDeletedRows } = await inside<TraceTables>(tx)
        .deleteFrom('evaluation_record')
        .where('dataset_id', '=', id)
        .where('id', 'in', [...records])
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}

const columns: Readonly<Record<string, OrderTerm>> = {
  name: { column: sql`d.name`, descending: false, type: 'text' },
  created_by: { column: sql`d.created_by`, descending: false, type: 'text', nullable: true },
  last_updated_by: { column: sql`d.updated_by`, descending: false, type: 'text', nullable: true },
  created_time: { column: sql`d.created_at`, descending: false, type: 'number' },
  last_update_time: { column: sql`d.updated_at`, descending: false, type: 'number' },
}

function conditionSql(engine: Engine, condition: Condition): Expression<SqlBool> {
  if (condition.entity === 'attribute') return compare(engine, columns[condition.key]!.column, condition)
  const tag = sql`select 1 from evaluation_dataset_tag where dataset_id = d.id and key = ${condition.key}`
  if (condition.operator === 'IS NULL') return sql`not ${exists(tag)}`
  return exists(sql`${tag} and ${compare(engine, sql`value`, condition)}`)
}

/** The order asked for, then newest first, then by id from the end. */
function termsOf(order: readonly Order[]): readonly OrderTerm[] {
  const asked = order.map(({ key, descending }) => ({ ...columns[key]!, descending }))
  const newest = order.some(({ key }) => key === 'created_time')
    ? []
    : [{ ...columns['created_time']!, descending: true }]
  return [...asked, ...newest, { column: sql`d.id`, descending: true, type: 'text' }]
}

async function searchRows(
  tables: Kysely<TraceTables>,
  { experiments, filter, order, limit, after }: DatasetQuery,
): Promise<Page<Row>> {
  if (experiments?.length === 0) return { items: [] }
  const engine = engineOf(tables)
  const terms = termsOf(order)
  const cursors = cursorsOf({ filter, order })
  const where: Expression<unknown>[] = [sql`1 = 1`]
  if (experiments)
    where.push(sql`d.id in (select dataset_id from evaluation_dataset_experiment
      where experiment_id in (${sql.join(experiments)}))`)
  if (filter) where.push(filterSql(filter, condition => conditionSql(engine, condition)))
  if (after !== undefined) where.push(afterSql(terms, cursors.decode(after, terms.length)))
  const { rows } = await sql<Row & Places>`
    select d.*, ${placesSql(terms)} from evaluation_dataset as d where ${sql.join(where, sql` and `)}
    order by ${orderSql(terms)} limit ${limit + 1}`.execute(tables)
  return orderedPage(rows, limit, { terms, cursors })
}

const toRow = (dataset: DatasetRow): Row => ({
  id: dataset.id,
  project: dataset.project,
  name: dataset.name,
  digest: dataset.digest,
  schema: dataset.schema ? JSON.stringify(dataset.schema) : null,
  records: dataset.recordCount,
  created_at: dataset.createdAt,
  updated_at: dataset.updatedAt,
  created_by: dataset.createdBy ?? null,
  updated_by: dataset.updatedBy ?? null,
})

const fromRow = (row: Row): DatasetRow => ({
  id: row.id,
  project: row.project,
  name: row.name,
  digest: row.digest,
  ...(row.schema === null ? {} : { schema: JSON.parse(row.schema) as DatasetSchema }),
  recordCount: row.records,
  createdAt: row.created_at as DatasetRow['createdAt'],
  updatedAt: row.updated_at as DatasetRow['updatedAt'],
  ...(row.created_by === null ? {} : { createdBy: row.created_by }),
  ...(row.updated_by === null ? {} : { updatedBy: row.updated_by }),
})

const toRecordRow = (record: EvaluationRecord & { inputDigest: string }): RecordRow => {
  const { inputs, outputs, expectations, tags, source } = record
  return {
    id: record.id,
    dataset_id: record.datasetId,
    input_digest: record.inputDigest,
    content: JSON.stringify({ inputs, outputs, expectations, tags, source }),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    created_by: record.createdBy ?? null,
    updated_by: record.updatedBy ?? null,
  }
}

const fromRecordRow = (row: RecordRow): EvaluationRecord => ({
  ...(JSON.parse(row.content) as RecordContent),
  id: row.id,
  datasetId: row.dataset_id,
  createdAt: row.created_at as EvaluationRecord['createdAt'],
  updatedAt: row.updated_at as EvaluationRecord['updatedAt'],
  ...(row.created_by === null ? {} : { createdBy: row.created_by }),
  ...(row.updated_by === null ? {} : { updatedBy: row.updated_by }),
})
