import { createWriteStream } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import pg from 'pg'
import type { SqlExport } from './sql-export.ts'

/** The thread of {@link exportSql}: pages through a query's rows and writes them as CSV. NULL is an empty cell, empty text is `""`. */

const pageRows = 5_000
const boolean = 16

// A failure whose code is one of the network's, or of PostgreSQL's classes 08 (connection), 53 (resources), 57P (shutdown),
// says that the database is away: trying again later is right.
const { database, query, target } = workerData as SqlExport
const file = createWriteStream(target, { flush: true })

async function write(rows: readonly (readonly unknown[])[]): Promise<void> {
  if (!file.write(rows.map(row => `${row.map(cell).join(',')}\n`).join(''))) await once(file, 'drain')
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : `${value as string | number | bigint}`
  return `"${text.replaceAll('"', '""')}"`
}

async function fromSqlite(path: string): Promise<void> {
  const [file, search] = path.split('?')
  const url = pathToFileURL(file!)
  if (search !== undefined) url.search = search
  const db = new DatabaseSync(url, { readOnly: true })
  try {
    const statement = db.prepare(query)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    await write([statement.columns().map(column => column.name)])
    let page: unknown[][] = []
    for (const row of statement.iterate() as Iterable<unknown>) {
      if (page.push(row as unknown[]) < pageRows) continue
      await write(page)
      page = []
    }
    await write(page)
  } finally {
    db.close()
  }
}

/** Postgres sends text: dates and numbers as it prints them, in UTC, without a detour over JavaScript's types. */
const types = {
  getTypeParser: (oid: number) => (text: string) => (oid === boolean ? String(text === 't') : text),
}

async function fromPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, types: types as never })
  await client.connect()
  try {
    await client.query(`set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'`)
    await client.query('begin read only')
    await client.query(`declare rows no scroll cursor for ${query.replace(/;\s*$/, '')}`)
    for (let isFirst = true; ; isFirst = false) {
      const { fields, rows } = await client.query<unknown[]>({ text: `fetch ${pageRows} from rows`, rowMode: 'array' })
      if (isFirst) await write([fields.map(field => field.name)])
      if (rows.length === 0) break
      await write(rows)
    }
  } finally {
    await client.end()
  }
}

try {
  await (database.startsWith('sqlite:') ? fromSqlite(database.slice('sqlite:'.length)) : fromPostgres(database))
  file.end()
  await once(file, 'close')
  parentPort!.postMessage({})
} catch (error) {
  file.destroy()
  const { message, code } = error as Error & { code?: string }
  parentPort!.postMessage({ error: message, isAway: /^(E[A-Z]+|08...|53...|57P..)$/.test(code ?? '') })
}
