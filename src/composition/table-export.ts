import { sql, type RawBuilder } from 'kysely'
import { z } from 'zod'
import type { App } from '#http'
import { notFound } from '#kernel/error.ts'
import { int64Of, int64Text, type Int64 } from '#kernel/int64.ts'
import { afterSql, decodeCursor, encodeCursor, orderSql, type OrderTerm } from '#search'
import { type Db, engineOf } from '#storage'

/** Columns that hold secrets, or what secrets could be guessed from: they leave the platform on no route. */
const withheld: Readonly<Record<string, readonly string[]>> = {
  app_user: ['password'],
  artifact_key: ['secret'],
  compute_remote_token: ['hash', 'sealed'],
  registry_webhook: ['secret', 'sealed'],
  secret: ['sealed'],
  secret_key: ['wrapped'],
  token: ['hash'],
  workflow_trigger: ['secret', 'sealed'],
}

export interface ExportedColumn {
  readonly name: string
  readonly type: 'text' | 'integer' | 'number'
  /** In the primary key: 1 for its first column, and so on; 0 if it is not. */
  readonly key: number
}

export interface ExportedTable {
  readonly name: string
  readonly columns: readonly ExportedColumn[]
}

/** What JSON holds to the last digit: whole numbers beyond 2^53 are a text. */
type Cell = string | number | null
type Stored = string | Int64 | null

/** Every table of the platform, for whoever leaves it: read page by page along its primary key. */
export interface TableExport {
  tables(): Promise<readonly ExportedTable[]>
  /** Rows in the order of the columns. Throws `not_found`, and `invalid` on a cursor of another table. */
  page(table: string, page: { limit: number; after?: string | undefined }): Promise<{ items: Cell[][]; next?: string }>
}

interface ShapeRow {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly key: number
}

const shapes: Readonly<Record<'sqlite' | 'postgres', RawBuilder<ShapeRow>>> = {
  sqlite: sql`
    select m.name as "table", c.name as "column", c.type as type, c.pk as key
    from sqlite_master as m join pragma_table_info(m.name) as c
    where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid`,
  postgres: sql`
    select c.table_name as "table", c.column_name as "column", c.data_type as type,
      coalesce(k.ordinal_position, 0) as key
    from information_schema.columns as c
    join information_schema.tables as t using (table_schema, table_name)
    left join information_schema.table_constraints as p
      on p.table_schema = c.table_schema and p.table_name = c.table_name and p.constraint_type = 'PRIMARY KEY'
    left join information_schema.key_column_usage as k
      on k.constraint_schema = p.constraint_schema and k.constraint_name = p.constraint_name
      and k.table_name = c.table_name and k.column_name = c.column_name
    where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position`,
}

export function createTableExport(db: Db): TableExport {
  let known: Promise<readonly ExportedTable[]> | undefined
  const tables = (): Promise<readonly ExportedTable[]> => (known ??= readShapes(db))

  return {
    tables,

    async page(name, { limit, after }) {
      const table = (await tables()).find(one => one.name === name)
      if (!table) throw notFound('table', name)
      const keys = table.columns.filter(({ key }) => key > 0).toSorted((a, b) => a.key - b.key)
      const terms = keys.map((column): OrderTerm => ({
        column: sql.ref(column.name),
        descending: false,
        type: column.type === 'text' ? 'text' : 'number',
      }))
      const columns = sql.join(table.columns.map(shown))
      const where = after === undefined ? sql`1 = 1` : afterSql(terms, placeOf(after, terms))
      const query = sql<Record<string, Stored>>`
        select ${columns} from ${sql.table(name)} where ${where} order by ${orderSql(terms)} limit ${limit + 1}`
      const { rows } = await query.execute(db)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        items: rows.slice(0, limit).map(row => table.columns.map(column => cellOf(row[column.name] ?? null))),
        ...(last && { next: encodeCursor(keys.map(({ name: key }) => cellOf(last[key] ?? null))) }),
      }
    },
  }
}

/** Arrays of PostgreSQL are its own text of them. */
const shown = ({ name, type }: ExportedColumn): RawBuilder<unknown> =>
  type === 'text' ? sql`cast(${sql.ref(name)} as text) as ${sql.ref(name)}` : sql.ref(name)

const cellOf = (value: Stored): Cell => (typeof value === 'bigint' ? int64Text(value) : value)

/** Where a page ended: a number that is a text is one beyond 2^53. */
const placeOf = (after: string, terms: readonly OrderTerm[]): readonly Stored[] =>
  decodeCursor(after, terms.length).map((value, index) =>
    typeof value === 'string' && terms[index]!.type === 'number' ? int64Of(value) : value,
  )

async function readShapes(db: Db): Promise<readonly ExportedTable[]> {
  const { rows } = await shapes[engineOf(db)].execute(db)
  const byTable = Map.groupBy(rows, row => row.table)
  return [...byTable].map(([name, columns]) => ({
    name,
    columns: columns
      .filter(({ column }) => withheld[name]?.includes(column) !== true)
      .map(({ column, type, key }) => ({ name: column, type: typeOf(type), key })),
  }))
}

const typeOf = (type: string): ExportedColumn['type'] =>
  /int/i.test(type) ? 'integer' : /double|real|numeric/i.test(type) ? 'number' : 'text'

const forAdministrators = { config: { role: 'admin', project: 'platform' } } as const

export function tableExportRoutes(app: App, tableExport: TableExport): void {
  const Column = z.object({ name: z.string(), type: z.enum(['text', 'integer', 'number']), key: z.int() })
  app.get(
    '/api/v1/export/tables',
    {
      ...forAdministrators,
      schema: {
        summary: 'Every table of the platform, with its columns; secrets are left out',
        tags: ['export'],
        response: { 200: z.object({ items: z.array(z.object({ name: z.string(), columns: z.array(Column) })) }) },
      },
    },
    async () => ({ items: (await tableExport.tables()).map(({ name, columns }) => ({ name, columns: [...columns] })) }),
  )

  app.get(
    '/api/v1/export/tables/:table',
    {
      ...forAdministrators,
      schema: {
        summary: 'Rows of a table in the order of its primary key, each a list in the order of the columns',
        tags: ['export'],
        params: z.object({ table: z.string().max(100) }),
        querystring: z.object({
          limit: z.int().min(1).max(10_000).default(1_000),
          after: z.string().max(60_000).optional(),
        }),
        response: {
          200: z.object({
            items: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
            next: z.string().optional(),
          }),
        },
      },
    },
    async ({ params, query }) => tableExport.page(params.table, query),
  )
}
