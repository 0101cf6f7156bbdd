import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parentPort, workerData } from 'node:worker_threads'
import { isAway } from './is-away.ts'
import { openMysql } from './load-target.mysql.ts'
import { openPostgres } from './load-target.postgres.ts'
import { openSqlite } from './load-target.sqlite.ts'
import { quoted, type LoadRow, type LoadTarget } from './load-target.ts'
import type { LoadJob } from './sql-load.ts'

/** The thread of {@link loadSql}: rows into a table beside the wanted one, then in one transaction to where they belong. */

const { database, table, key, mode, columns, rows, staging } = workerData as LoadJob
const pageRows = 5_000

const [schema, name] = table.includes('.') ? (table.split('.') as [string, string]) : [undefined, table]
const placed = (one: string): string => (schema === undefined ? quoted(one) : `${quoted(schema)}.${quoted(one)}`)
const [wanted, beside, loads] = [name, staging, 'trainyard_load'].map(placed) as [string, string, string]
const place = { database, beside, loads, columns }

function open(): LoadTarget | Promise<LoadTarget> {
  if (database.startsWith('sqlite:')) return openSqlite(place)
  return database.startsWith('postgres') ? openPostgres(place) : openMysql(place)
}

async function load(target: LoadTarget): Promise<number> {
  const definition = columns.map(column => `${quoted(column.name)} ${target.types[column.kind]}`).join(', ')
  const names = columns.map(column => quoted(column.name)).join(', ')
  await target.run(`create table if not exists ${loads} ("load" ${target.keyType} primary key, loaded text not null)`)
  await target.run(`drop table if exists ${beside}`)
  if (await target.isNoted(key)) return 0
  await target.run(`create table ${beside} (${definition})`)
  let count = 0
  for await (const page of pages()) {
    await target.insert(page)
    count += page.length
  }
  await target.run(`create table if not exists ${wanted} (${definition})`)
  await target.run('begin')
  // Whoever loads the same at the same time waits here, and then finds that it is there.
  await target.note(key, new Date().toISOString())
  // The table stays, with its indexes, its views and who may read it; until all is there, readers see what it had.
  if (mode === 'replace') await target.run(`delete from ${wanted}`)
  await target.run(`insert into ${wanted} (${names}) select ${names} from ${beside}`)
  await target.run('commit')
  await target.run(`drop table ${beside}`)
  return count
}

async function* pages(): AsyncGenerator<readonly LoadRow[]> {
  let page: LoadRow[] = []
  for await (const line of createInterface({ input: createReadStream(rows), crlfDelay: Infinity })) {
    if (page.push(JSON.parse(line) as LoadRow) < pageRows) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

let target: LoadTarget | undefined
try {
  target = await open()
  const loaded = await load(target)
  await target.close()
  parentPort!.postMessage({ loaded })
} catch (error) {
  const late = (statement: string) => target?.run(statement).catch(() => {})
  await late('rollback')
  await late(`drop table if exists ${beside}`)
  await target?.close().catch(() => {})
  parentPort!.postMessage({ error: (error as Error).message, isAway: isAway(error as { code?: unknown }) })
}
