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
  type OrderTerm,
} from '#search'
import { engineOf, type Engine } from '#storage'
import { promptTag } from './registered-model.ts'
import { mentionsPrompts } from './search.ts'
import type { Readable, Search } from './store.ts'
import type { RegistryTables } from './tables.ts'
import { selectVersions, type VersionRow } from './version-row.sql.ts'

/** A page of rows, and behind each the token of what follows it. */
interface Rows<Row> {
  readonly rows: readonly Row[]
  readonly tokens: readonly string[]
}

type ModelRow = RegistryTables['registry_model']

const modelColumns: Readonly<Record<string, Column<ModelRow>>> = {
  name: { column: sql`registry_model.full_name`, type: 'text', of: row => row.full_name },
  last_updated_timestamp: { column: sql`registry_model.updated_at`, type: 'number', of: row => row.updated_at },
}

const versionColumns: Readonly<Record<string, Column<VersionRow>>> = {
  name: { column: sql`registry_model.full_name`, type: 'text', of: row => row.full_name },
  version_number: { column: sql`registry_version.version`, type: 'number', of: row => row.version },
  creation_timestamp: { column: sql`registry_version.created_at`, type: 'number', of: row => row.created_at },
  last_updated_timestamp: { column: sql`registry_version.updated_at`, type: 'number', of: row => row.updated_at },
}

interface Column<Row> {
  readonly column: Expression<unknown>
  readonly type: 'number' | 'text'
  of(row: Row): CursorValue
}

export async function searchModelRows(reader: Kysely<RegistryTables>, search: Search): Promise<Rows<ModelRow>> {
  const engine = engineOf(reader)
  const keys = keyset(modelColumns, search, [['name', false]])
  const leaf = (condition: Condition): Expression<SqlBool> =>
    condition.entity === 'tag'
      ? tagSql(engine, condition, modelTag, isPromptModel)
      : compare(engine, modelColumns[condition.key]!.column, condition)
  let query = reader.selectFrom('registry_model').selectAll().where('deleted_at', 'is', null)
  if (search.readable !== 'all') query = query.where(isReadable(search.readable))
  if (search.filter) query = query.where(filterSql(search.filter, leaf))
  if (!mentionsPrompts(search.filter)) query = query.where(sql<SqlBool>`not ${isPromptModel}`)
  if (keys.after) query = query.where(keys.after)
  const rows = await query.orderBy(keys.order).limit(search.limit).execute()
  return { rows, tokens: rows.map(keys.tokenOf) }
}

export async function searchVersionRows(reader: Kysely<RegistryTables>, search: Search): Promise<Rows<VersionRow>> {
  const engine = engineOf(reader)
  const keys = keyset(versionColumns, search, [
    ['name', false],
    ['version_number', true],
  ])
  const leaf = (condition: Condition): Expression<SqlBool> => {
    if (condition.entity === 'tag') return tagSql(engine, condition, versionTag, isPromptVersion)
    return compare(engine, versionAttributes[condition.key] ?? versionColumns[condition.key]!.column, condition)
  }
  let query = selectVersions(reader)
    .where('registry_version.deleted_at', 'is', null)
    .where('registry_model.deleted_at', 'is', null)
  if (search.readable !== 'all') query = query.where(isReadable(search.readable))
  if (search.filter) query = query.where(filterSql(search.filter, leaf))
  if (!mentionsPrompts(search.filter)) query = query.where(sql<SqlBool>`not ${isPromptVersion}`)
  if (keys.after) query = query.where(keys.after)
  const rows = await query.orderBy(keys.order).limit(search.limit).execute()
  return { rows, tokens: rows.map(keys.tokenOf) }
}

const isReadable = ({ projects, fullNames }: Exclude<Readable, 'all'>): RawBuilder<SqlBool> =>
  sql`(${isOneOf(sql`registry_model.project`, projects)} or ${isOneOf(sql`registry_model.full_name`, fullNames)})`

const isOneOf = (column: RawBuilder<unknown>, values: readonly string[]): RawBuilder<SqlBool> =>
  values.length === 0 ? sql`1 = 0` : sql`${column} in (${sql.join(values)})`

/** What versions are searched by and not ordered by. */
const versionAttributes: Readonly<Record<string, Expression<unknown>>> = {
  run_id: sql`registry_version.tracking_run`,
  source_path: sql`registry_version.source`,
}

const isPromptModel = sql<SqlBool>`exists (select 1 from registry_model_tag p where p.model_id = registry_model.id
  and p.key = ${promptTag} and p.value = 'true')`
const isPromptVersion = sql<SqlBool>`(${isPromptModel} or exists (select 1 from registry_version_tag p
  where p.version = registry_version.id and p.key = ${promptTag} and p.value = 'true'))`

const modelTag = (key: string, holds: Expression<SqlBool>): RawBuilder<SqlBool> =>
  exists(sql`select 1 from registry_model_tag t where t.model_id = registry_model.id and t.key = ${key} and ${holds}`)
const versionTag = (key: string, holds: Expression<SqlBool>): RawBuilder<SqlBool> =>
  exists(
    sql`select 1 from registry_version_tag t where t.version = registry_version.id and t.key = ${key} and ${holds}`,
  )

/** Each condition holds on a tag of its own; that of prompts also says something of what has no such tag. */
function tagSql(
  engine: Engine,
  { key, operator, value }: Condition,
  among: typeof modelTag,
  isPrompt: RawBuilder<SqlBool>,
): Expression<SqlBool> {
  if (key === promptTag && (operator === '=' || operator === '!=')) {
    const wanted = (operator === '=') === (String(value).toLowerCase() === 'true')
    return wanted ? isPrompt : sql<SqlBool>`not ${isPrompt}`
  }
  if (operator === 'IS NULL') return sql<SqlBool>`not ${among(key, sql`1 = 1`)}`
  return among(key, compare(engine, sql`t.value`, { operator, ...(value !== undefined && { value }) }))
}

/** The ordering that was asked for, then the ties as MLflow breaks them. */
function keyset<Row>(
  columns: Readonly<Record<string, Column<Row>>>,
  { filter, order, after }: Search,
  ties: readonly (readonly [key: string, descending: boolean])[],
): {
  readonly order: RawBuilder<unknown>
  readonly after: Expression<SqlBool> | undefined
  tokenOf(row: Row): string
} {
  const asked = order.map(({ key, descending }) => [key, descending] as const)
  const all = [...asked, ...ties.filter(([tie]) => !asked.some(([key]) => key === tie))]
  const terms: readonly OrderTerm[] = all.map(([key, descending]) => ({
    column: columns[key]!.column,
    type: columns[key]!.type,
    descending,
  }))
  const cursors = cursorsOf({ filter, order: all })
  return {
    order: orderSql(terms),
    after: after === undefined ? anywhere(terms[0]!) : afterSql(terms, cursors.decode(after, terms.length)),
    tokenOf: row => cursors.encode(all.map(([key]) => columns[key]!.of(row))),
  }
}

/** Says nothing, as no number here is negative; but SQLite then walks the index of the first term and sorts no million. */
const anywhere = ({ column, type }: OrderTerm): Expression<SqlBool> | undefined =>
  type === 'number' ? sql<SqlBool>`${column} >= 0` : undefined
