import { createWriteStream } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { FieldPacket } from 'mysql2'
import pg from 'pg'
import { isAway } from './is-away.ts'
import { connectMysql } from './mysql-connection.ts'
import type { SqlExport } from './sql-export.ts'

/** The thread of {@link exportSql}: pages through a query's rows and writes them as CSV. NULL is an empty cell, empty text is `""`. */

const pageRows = 5_000
const boolean = 16

const { database, query, target } = workerData as SqlExport
const file = createWriteStream(target, { flush: true })

async function write(rows: readonly (readonly unknown[])[]): Promise<void> {
  if (!file.write(rows.map(lineOf).join(''))) await once(file, 'drain')
}

const lineOf = (row: readonly unknown[]): string => `${row.map(cell).join(',')}\n`

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

/** Numbers of MySQL's types whose values are bytes where they have no character set, which is number 63. */
const byteTypes: readonly number[] = [16, 249, 250, 251, 252, 253, 254, 255]
const noCharacterSet = 63

/** MariaDB and MySQL send text too; a boolean is a number there. */
async function fromMysql(url: string): Promise<void> {
  const connection = await connectMysql(url)
  try {
    await connection.promise().query('start transaction read only')
    let isBytes: readonly boolean[] = []
    const rows = connection
      .query({ sql: query, rowsAsArray: true, typeCast: false })
      .on('fields', (fields: readonly FieldPacket[]) => {
        isBytes = fields.map(
          ({ columnType, characterSet }) => byteTypes.includes(columnType!) && characterSet === noCharacterSet,
        )
        file.write(lineOf(fields.map(field => field.name)))
      })
      .stream({ highWaterMark: pageRows }) as AsyncIterable<readonly (Buffer | null)[]>
    let page: unknown[][] = []
    for await (const row of rows) {
      const values = row.map((value, column) => (isBytes[column] ? value : value?.toString()))
      if (page.push(values) < pageRows) continue
      await write(page)
      page = []
    }
    await write(page)
  } finally {
    connection.destroy()
  }
}

function read(): Promise<void> {
  if (database.startsWith('sqlite:')) return fromSqlite(database.slice('sqlite:'.length))
  return database.startsWith('postgres') ? fromPostgres(database) : fromMysql(database)
}

try {
  await read()
  file.end()
  await once(file, 'close')
  parentPort!.postMessage({})
} catch (error) {
  file.destroy()
  parentPort!.postMessage({ error: (error as Error).message, isAway: isAway(error as { code?: unknown }) })
}
