import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import type { ColumnKind, LoadJob } from './sql-load.ts'

/** The thread of {@link loadSql}: rows into a table beside the wanted one, then in one transaction to where they belong. */

const { database, table, key, mode, columns, rows, staging } = workerData as LoadJob
const pageRows = 5_000

type Row = Readonly<Record<string, string | null>>

/** One database, in what the two differ. */
interface Target {
  readonly types: Readonly<Record<ColumnKind, string>>
  run(statement: string, params?: readonly unknown[]): Promise<void>
  /** Inserts a page into the staging table. */
  insert(page: readonly Row[]): Promise<void>
  /** The first value of the first row. */
  value(query: string, params?: readonly unknown[]): Promise<unknown>
  close(): Promise<void>
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const [schema, name] = table.includes('.') ? (table.split('.') as [string, string]) : [undefined, table]
const placed = (one: string): string => (schema === undefined ? quoted(one) : `${quoted(schema)}.${quoted(one)}`)
const names = columns.map(column => quoted(column.name)).join(', ')
const [wanted, beside, loads] = [name, staging, 'trainyard_load'].map(placed) as [string, string, string]

function openSqlite(path: string): Target {
  const db = new DatabaseSync(path)
  db.exec('pragma busy_timeout = 10000')
  const insert = `insert into ${beside} (${names}) values (${columns.map(() => '?').join(', ')})`
  return {
    types: { integer: 'integer', real: 'real', boolean: 'integer', date: 'text', timestamp: 'text', text: 'text' },
    run: async (statement, params = []) => void db.prepare(statement).run(...(params as string[])),
    async insert(page) {
      const statement = db.prepare(insert)
      db.exec('begin immediate')
      for (const row of page) statement.run(...columns.map(column => row[column.name] ?? null))
      db.exec('commit')
    },
    async value(query, params = []) {
      const statement = db.prepare(query)
      statement.setReturnArrays(true)
      return (statement.get(...(params as string[])) as unknown as unknown[] | undefined)?.[0]
    },
    close: async () => db.close(),
  }
}

async function openPostgres(url: string): Promise<Target> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`set timezone = 'UTC'`)
  const types: Target['types'] = {
    integer: 'bigint',
    real: 'double precision',
    boolean: 'boolean',
    date: 'date',
    timestamp: 'timestamptz',
    text: 'text',
  }
  const cast = columns.map(({ kind }, index) => `c${index}::${types[kind]}`).join(', ')
  const lists = columns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  const aliases = columns.map((_, index) => `c${index}`).join(', ')
  return {
    types,
    run: async (statement, params = []) => void (await client.query(statement, [...params])),
    async insert(page) {
      const values = columns.map(column => page.map(row => row[column.name] ?? null))
      await client.query(
        `insert into ${beside} (${names}) select ${cast} from unnest(${lists}) as t(${aliases})`,
        values,
      )
    },
    async value(query, params = []) {
      const { rows: found } = await client.query<unknown[]>({ text: query, values: [...params], rowMode: 'array' })
      return found[0]?.[0]
    },
    close: () => client.end(),
  }
}

async function load(target: Target): Promise<number> {
  const definition = columns.map(column => `${quoted(column.name)} ${target.types[column.kind]}`).join(', ')
  const mark = target.types.boolean === 'boolean' ? '$1' : '?'
  await target.run(`create table if not exists ${loads} (load text primary key, loaded text not null)`)
  if (await target.value(`select 1 from ${loads} where load = ${mark}`, [key])) return 0
  await target.run(`drop table if exists ${beside}`)
  await target.run(`create table ${beside} (${definition})`)
  let count = 0
  for await (const page of pages()) {
    await target.insert(page)
    count += page.length
  }
  await target.run('begin')
  // Whoever loads the same at the same time waits here, and then finds that it is there.
  await target.run(`insert into ${loads} (load, loaded) values (${mark}, '${new Date().toISOString()}')`, [key])
  if (mode === 'replace') {
    await target.run(`drop table if exists ${wanted}`)
    await target.run(`alter table ${beside} rename to ${quoted(name)}`)
  } else {
    await target.run(`create table if not exists ${wanted} (${definition})`)
    await target.run(`insert into ${wanted} (${names}) select ${names} from ${beside}`)
    await target.run(`drop table ${beside}`)
  }
  await target.run('commit')
  return count
}

async function* pages(): AsyncGenerator<readonly Row[]> {
  let page: Row[] = []
  for await (const line of createInterface({ input: createReadStream(rows), crlfDelay: Infinity })) {
    if (page.push(JSON.parse(line) as Row) < pageRows) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

let target: Target | undefined
try {
  target = database.startsWith('sqlite:') ? openSqlite(database.slice('sqlite:'.length)) : await openPostgres(database)
  const loaded = await load(target)
  await target.close()
  parentPort!.postMessage({ loaded })
} catch (error) {
  const { message, code } = error as Error & { code?: string }
  // What was not committed is undone when the connection ends; the table beside is dropped by the next attempt.
  await target?.close().catch(() => {})
  parentPort!.postMessage({ error: message, isAway: /^(E[A-Z]+|08...|53...|57P..)$/.test(code ?? '') })
}
