import { sql, type Expression, type SqlBool } from 'kysely'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'
import {
  afterSql,
  compare,
  cursorsOf,
  exists,
  filterSql,
  orderSql,
  type Condition,
  type CursorValue,
  type Filter,
  type Order,
  type OrderTerm,
} from '#search'
import { type Db, engineOf } from '#storage'
import { fromExperimentRow, numberOf } from './experiment-store.sql.ts'
import type { ExperimentSearch, View } from './store.ts'
import type { TrackingTables } from './tables.ts'

/** Experiments are few: a search of them may sort what it finds. */
export function sqlExperimentSearch(db: Db): ExperimentSearch {
  const engine = engineOf(db)

  function holds({ entity, key, operator, value }: Condition): Expression<SqlBool> {
    const said = { operator, ...(value !== undefined && { value }) }
    if (entity === 'attributes') return compare(engine, sql.ref(columns[key]!), said)
    const tag = sql`select 1 from tracking_experiment_tag as t where t.experiment = e.id and t.key = ${key}`
    if (operator === 'IS NULL') return sql`not ${exists(tag)}`
    if (operator === 'IS NOT NULL') return exists(tag)
    return exists(sql`${tag} and ${compare(engine, sql.ref('t.value'), said)}`)
  }

  return {
    async search(query, page) {
      const terms = termsOf(query.order)
      const { items, next } = await rowsOf(db, { ...query, terms, holds }, page)
      const tags = await tagsOf(
        db,
        items.map(row => row.id),
      )
      return {
        items: items.map(row => fromExperimentRow(row, tags.get(row.id) ?? [])),
        ...(next !== undefined && { next }),
      }
    },
  }
}

type Row = TrackingTables['tracking_experiment']

interface Sought {
  readonly filter: Filter | undefined
  readonly order: readonly Order[]
  readonly view: View
  readonly projects?: readonly string[] | undefined
  readonly ids?: readonly string[] | undefined
  readonly terms: readonly (OrderTerm & { of(row: Row): CursorValue })[]
  holds(condition: Condition): Expression<SqlBool>
}

async function rowsOf(
  db: Db,
  { filter, order, view, projects, ids = [], terms, holds }: Sought,
  { limit, after }: PageRequest,
): Promise<Page<Row>> {
  const cursors = cursorsOf({ filter, order, view })
  let query = db
    .withTables<TrackingTables>()
    .selectFrom('tracking_experiment as e')
    .selectAll()
    .orderBy(orderSql(terms))
    .limit(limit + 1)
  if (view !== 'all') query = query.where('e.lifecycle', '=', view)
  if (projects)
    query = query.where(eb =>
      eb.or([eb('e.project', 'in', ['', ...projects]), eb('e.id', 'in', [-1, ...ids.map(numberOf)])]),
    )
  if (filter) query = query.where(filterSql(filter, holds))
  if (after !== undefined) query = query.where(afterSql(terms, cursors.decode(after, terms.length)))
  return toPage(await query.execute(), limit, row => cursors.encode(terms.map(term => term.of(row))))
}

async function tagsOf(
  db: Db,
  ids: readonly number[],
): Promise<ReadonlyMap<number, readonly { key: string; value: string }[]>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .withTables<TrackingTables>()
    .selectFrom('tracking_experiment_tag')
    .selectAll()
    .where('experiment', 'in', ids)
    .orderBy('key')
    .execute()
  return Map.groupBy(rows, row => row.experiment)
}

const columns: Readonly<Record<string, string>> = {
  name: 'e.name',
  creation_time: 'e.created_at',
  last_update_time: 'e.updated_at',
  experiment_id: 'e.id',
}

const values: Readonly<Record<string, (row: Row) => CursorValue>> = {
  name: row => row.name,
  creation_time: row => row.created_at,
  last_update_time: row => row.updated_at,
  experiment_id: row => row.id,
}

/** With an order of the caller the tie-break is the newest first, without one the oldest: as in MLflow. */
function termsOf(order: readonly Order[]): Sought['terms'] {
  const orders = order.length > 0 ? order : [{ key: 'creation_time', descending: true }]
  const last = orders.some(({ key }) => key === 'experiment_id')
    ? []
    : [{ key: 'experiment_id', descending: order.length > 0 }]
  return [...orders, ...last].map(({ key, descending }) => ({
    column: sql.ref(columns[key]!),
    descending,
    type: key === 'name' ? 'text' : 'number',
    of: values[key]!,
  }))
}
