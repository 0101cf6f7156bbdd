import { setImmediate } from 'node:timers/promises'
import { sql, type Kysely, type Transaction } from 'kysely'
import { engineOf } from './engine.ts'
import { openDatabase, type Db } from './open.ts'

/** What a scan found: a text that may name digests, and where it stands. */
export type Visit = (text: string, place: { readonly table: string; readonly column: string }) => void

export interface TextScan {
  readonly visit: Visit
  /** Tables to leave out. */
  readonly except: readonly string[]
  /** By table, in SQL: rows of which this is not true are left out. */
  readonly rows: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** SHA-256 in hex is so long: shorter texts name none. */
const digestLength = 64
/** A page of a scan on SQLite should take this long: the process does nothing else meanwhile. */
const pageMs = 8
const rowsMax = 20_000
const fetchRows = 500

type Any = Kysely<Record<string, Record<string, unknown>>>
type Row = Readonly<Record<string, unknown>>

/**
 * Shows every text of the database that is long enough to name a digest: all tables and columns that there are, those
 * of components that nobody thought of too. All of one instant on PostgreSQL and on SQLite in a file; on SQLite in
 * memory, which has one connection, page by page.
 */
export async function scanTexts(db: Db, scan: TextScan): Promise<void> {
  if (engineOf(db) === 'postgres') {
    const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
    return snapshot.execute(tx => scanPostgres(tx as never, scan))
  }
  const { rows } = await sql<{ file: string }>`select file from pragma_database_list where name = 'main'`.execute(db)
  const file = rows[0]!.file
  if (file === '') return scanSqlite(db as never, scan)
  const reader = openDatabase(`sqlite:${file}`)
  try {
    await reader.transaction().execute(tx => scanSqlite(tx as never, scan))
  } finally {
    await reader.destroy()
  }
}

interface Column {
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly type: string
}

async function scanPostgres(
  tx: Transaction<Record<string, never>>,
  { visit, except, rows: shownRows, signal }: TextScan,
): Promise<void> {
  // Numbers, truth values and instants name nothing; any other type is looked at as text.
  const { rows } = await sql<Column>`
    select n.nspname as schema, c.relname as "table", a.attname as "column", t.typname as type
    from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p', 'm', 'f') and n.nspname = any(current_schemas(false))
      and t.typcategory not in ('N', 'B', 'D', 'T')
    order by n.nspname, c.relname, a.attnum`.execute(tx)
  for (const columns of Map.groupBy(rows, row => `${row.schema}.${row.table}`).values()) {
    const { schema, table } = columns[0]!
    if (except.includes(table)) continue
    const texts = columns.map(({ column, type }) =>
      type === 'bytea' ? sql`encode(${sql.ref(column)}, 'escape')` : sql`${sql.ref(column)}::text`,
    )
    const long = texts.map(text => sql<boolean>`(octet_length(${text}) >= ${sql.lit(digestLength)})`)
    const shown = texts.map(
      (text, at) => sql`case when ${long[at]!} then ${text} end as ${sql.ref(columns[at]!.column)}`,
    )
    await sql`declare texts no scroll cursor for select ${sql.join(shown)} from ${sql.id(schema, table)}
      where (${sql.join(long, sql` or `)}) and (${sql.raw(shownRows[table] ?? 'true')})`.execute(tx)
    for (let page: readonly Row[] = [{}]; page.length > 0;) {
      signal.throwIfAborted()
      page = (await sql<Row>`fetch ${sql.lit(fetchRows)} from texts`.execute(tx)).rows
      show(page, table, visit)
    }
    await sql`close texts`.execute(tx)
  }
}

const numeric = /^(?:big|small|tiny)?int|^real|^double|^float|^bool|^numeric|^decimal/i

async function scanSqlite(reader: Any, { visit, except, rows: shownRows, signal }: TextScan): Promise<void> {
  const { rows: tables } = await sql<{ name: string; type: string; wr: number }>`
    select name, type, wr from pragma_table_list where schema = 'main' and type in ('table', 'shadow')
      and name not like 'sqlite\\_%' escape '\\'`.execute(reader)
  for (const { name: table, wr } of tables) {
    if (except.includes(table)) continue
    const { rows: columns } = await sql<{ name: string; type: string; pk: number }>`
      select name, type, pk from pragma_table_info(${table})`.execute(reader)
    const texts = columns.filter(({ type }) => !numeric.test(type)).map(({ name }) => name)
    const key = columns.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk)
    if (texts.length > 0) await scanTable(reader, { table, texts, key: wr ? key.map(({ name }) => name) : ['rowid'] })
  }

  /** In pages along the key, as long as a page may take. */
  async function scanTable(
    from: Any,
    { table, texts, key }: { table: string; texts: readonly string[]; key: readonly string[] },
  ): Promise<void> {
    const keys = sql.join(key.map(column => sql.ref(column)))
    const backwards = sql.join(key.map(column => sql`${sql.ref(column)} desc`))
    const long = texts.map(text => sql<boolean>`octet_length(${sql.ref(text)}) >= ${sql.lit(digestLength)}`)
    const shown = texts.map((text, at) => sql`case when ${long[at]!} then ${sql.ref(text)} end as ${sql.ref(text)}`)
    let after = sql<boolean>`true`
    for (let limit = 100; ;) {
      signal.throwIfAborted()
      const started = performance.now()
      const page = sql`select ${keys} from ${sql.table(table)} where ${after} order by ${keys} limit ${limit}`
      const { rows: ends } = await sql<Row>`select * from (${page}) order by ${backwards} limit 1`.execute(from)
      const last = ends[0]
      if (!last) return
      const end = sql.join(key.map(column => last[column]))
      const within = sql<boolean>`(${keys}) <= (${end})`
      const { rows: found } = await sql<Row>`
        select ${sql.join(shown)} from ${sql.table(table)}
        where ${after} and ${within} and (${sql.join(long, sql` or `)})
          and (${sql.raw(shownRows[table] ?? 'true')})`.execute(from)
      show(found, table, visit)
      after = sql<boolean>`(${keys}) > (${end})`
      const took = performance.now() - started
      limit = Math.max(1, Math.min(rowsMax, took > pageMs ? Math.floor(limit / 2) : limit * 2))
      await setImmediate()
    }
  }
}

function show(rows: readonly Row[], table: string, visit: Visit): void {
  for (const row of rows)
    for (const [column, value] of Object.entries(row)) {
      if (typeof value === 'string') visit(value, { table, column })
      else if (value instanceof Uint8Array) visit(Buffer.from(value).toString('latin1'), { table, column })
    }
}
