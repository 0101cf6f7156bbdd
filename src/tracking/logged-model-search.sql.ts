import { sql, type Expression, type Kysely, type RawBuilder, type SqlBool } from 'kysely'
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
  type OrderTerm,
} from '#search'
import { engineOf, type Engine } from '#storage'
import type { DatasetChoice, LoggedModelOrder, LoggedModelSearch } from './logged-model-store.ts'
import type { LoggedModelTables } from './logged-model-tables.ts'

type Row = LoggedModelTables['logged_model']
type OrderedRow = Row & Readonly<Record<string, CursorValue>>

/** A page of models without what belongs to them, and where the next begins. */
export async function searchRows(
  tables: Kysely<LoggedModelTables>,
  search: LoggedModelSearch,
): Promise<{ rows: readonly Row[]; next?: string }> {
  const terms = [...search.order, { attribute: 'created_at', descending: true }, { attribute: 'id', descending: false }]
  const distinct = terms.filter((term, index) => terms.findIndex(other => same(other, term)) === index)
  const columns = distinct.map((term, index) => sql`${valueOf(term)} as ${sql.ref(`o${index}`)}`)
  const ordered: OrderTerm[] = distinct.map((term, index) => ({
    column: sql.ref(`page.o${index}`),
    descending: term.descending,
    type: 'metric' in term || term.attribute.endsWith('_at') ? 'number' : 'text',
    nullable: 'metric' in term || term.attribute === 'model_type' || term.attribute === 'source_run',
  }))
  const { after, limit, ...rest } = search
  const cursors = cursorsOf(rest)
  const from = after === undefined ? sql<SqlBool>`1 = 1` : afterSql(ordered, cursors.decode(after, ordered.length))
  const { rows } = await sql<OrderedRow>`
    select * from (
      select model.*, ${sql.join(columns)} from logged_model as model
      where model.experiment in (${sql.join(search.experimentIds)}) and model.lifecycle = 'active'
        and ${conditions(tables, search)}) as page
    where ${from} order by ${orderSql(ordered)} limit ${sql.lit(limit + 1)}`.execute(tables)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  if (rows.length <= limit || !last) return { rows: page }
  return { rows: page, next: cursors.encode(distinct.map((_, index) => last[`o${index}`]!)) }
}

const same = (a: LoggedModelOrder, b: LoggedModelOrder): boolean =>
  'metric' in a
    ? 'metric' in b && a.metric === b.metric && JSON.stringify(a.dataset) === JSON.stringify(b.dataset)
    : 'attribute' in b && a.attribute === b.attribute

/** An attribute, or the latest point of a metric. */
function valueOf(term: LoggedModelOrder): RawBuilder<unknown> {
  if ('attribute' in term) return sql.ref(`model.${term.attribute}`)
  const on = term.dataset ? onDatasets([term.dataset]) : sql`1 = 1`
  return sql`(select case when point.nan = 0 then point.value end from logged_model_metric as point
    where point.model = model.id and point.key = ${term.metric} and ${on}
    order by point.at desc, point.step desc, point.run limit 1)`
}

function conditions(tables: Kysely<LoggedModelTables>, { filter, datasets }: LoggedModelSearch): Expression<SqlBool> {
  const engine = engineOf(tables)
  const on = datasets.length > 0 ? onDatasets(datasets) : sql<SqlBool>`1 = 1`
  const leaf = (condition: Condition): Expression<SqlBool> => {
    const { entity, key } = condition
    if (entity === 'attributes') return compare(engine, sql.ref(`model.${key}`), condition)
    if (entity !== 'metrics') return ofPair(engine, condition)
    const holds = (inner: Pick<Condition, 'operator' | 'value'>) =>
      exists(sql`select 1 from logged_model_metric as point
        where point.model = model.id and point.key = ${key} and ${on} and ${measured(engine, inner)}`)
    return condition.operator === 'IS NULL' ? sql`not ${holds({ operator: 'IS NOT NULL' })}` : holds(condition)
  }
  const parts: Expression<SqlBool>[] = filter ? [filterSql(filter, leaf)] : []
  if (datasets.length > 0 && !(filter && hasMetric(filter)))
    parts.push(exists(sql`select 1 from logged_model_metric as point where point.model = model.id and ${on}`))
  return parts.length > 0 ? sql`${sql.join(parts, sql` and `)}` : sql`1 = 1`
}

/** NaN equals nothing, and is neither less nor more. */
const measured = (engine: Engine, condition: Pick<Condition, 'operator' | 'value'>): RawBuilder<SqlBool> => {
  const holds = compare(engine, sql.ref('point.value'), condition)
  if (condition.operator === 'IS NOT NULL') return sql`1 = 1`
  return condition.operator === '!=' ? sql`(point.nan = 1 or ${holds})` : sql`(point.nan = 0 and ${holds})`
}

/** A condition on a parameter or a tag. */
function ofPair(engine: Engine, condition: Condition): Expression<SqlBool> {
  const table = sql.table(condition.entity === 'params' ? 'logged_model_param' : 'logged_model_tag')
  const holds = (inner: Pick<Condition, 'operator' | 'value'>) =>
    exists(sql`select 1 from ${table} as pair
      where pair.model = model.id and pair.key = ${condition.key} and ${compare(engine, sql.ref('pair.value'), inner)}`)
  return condition.operator === 'IS NULL' ? sql`not ${holds({ operator: 'IS NOT NULL' })}` : holds(condition)
}

const onDatasets = (datasets: readonly DatasetChoice[]): RawBuilder<SqlBool> =>
  sql`(${sql.join(
    datasets.map(({ name, digest }) =>
      digest === undefined
        ? sql`point.dataset_name = ${name}`
        : sql`(point.dataset_name = ${name} and point.dataset_digest = ${digest})`,
    ),
    sql` or `,
  )})`

const hasMetric = (filter: Filter): boolean =>
  'and' in filter
    ? filter.and.some(hasMetric)
    : 'or' in filter
      ? filter.or.some(hasMetric)
      : filter.entity === 'metrics'
