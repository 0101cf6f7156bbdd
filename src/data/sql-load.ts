import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { maskOf } from '#kernel/mask.ts'
import { moduleAt } from '#kernel/place.ts'
import type { Secrets } from '#secrets'
import { identifier, literal, scanOf, type Duckdb } from '#storage'
import { databaseAddress, hiddenOf } from './database-address.ts'

/** `append`: rows are added, to a table that is made when it is not there. `replace`: they are all that it has. */
export const loadModes = ['append', 'replace'] as const
export type LoadMode = (typeof loadModes)[number]

export interface SqlLoad {
  /** Names what is loaded: what has been loaded under it already is not loaded again. */
  readonly key: string
  /** A CSV or Parquet file. */
  readonly file: string
  readonly project: string
  /** The secret with the address of the database. */
  readonly secret: string
  /** `table` or `schema.table`. */
  readonly table: string
  readonly mode: LoadMode
  readonly by: string
  readonly signal: AbortSignal
}

/** What the thread of a load is told. */
export interface LoadJob extends Pick<SqlLoad, 'key' | 'table' | 'mode'> {
  readonly database: string
  /** Lines of JSON: an object of texts and nulls for each row. */
  readonly rows: string
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind }[]
  /** Of the table that rows stand in until all are there. */
  readonly staging: string
}

export type ColumnKind = 'integer' | 'real' | 'boolean' | 'date' | 'timestamp' | 'text'

const tablePattern = /^[A-Za-z_]\w{0,40}(\.[A-Za-z_]\w{0,40})?$/

/**
 * Writes the rows of a file into a table of a database: first all of them beside it, then in one transaction to where they
 * belong, with a note in `trainyard_load`. Answers the rows of the table's load, or 0 when it had been loaded already.
 * Throws `invalid` with the database's words, `unavailable` when it is away.
 */
export async function loadSql(
  { duckdb, secrets }: { readonly duckdb: Duckdb; readonly secrets: Pick<Secrets, 'use'> },
  load: SqlLoad,
): Promise<number> {
  const { table, key, mode, signal } = load
  if (!tablePattern.test(table))
    throw invalid('The rows have no table.', [{ field: 'table', value: table, allowed: 'table or schema.table' }])
  const database = await databaseAddress(secrets, { ...load, refusal: `The ${load.by} has no database.` })
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-load-'))
  try {
    const rows = join(folder, 'rows.ndjson')
    const scan = await scanOf(load.file)
    const described = await duckdb.query([`describe select * from ${scan}`], signal)
    const columns = described.map(row => ({
      name: row['column_name'] as string,
      kind: kindOf(row['column_type'] as string),
    }))
    const texts = columns.map(
      ({ name, kind }) => `cast(${takenBy(database, kind, identifier(name))} as varchar) as ${identifier(name)}`,
    )
    await duckdb.query([`copy (select ${texts.join(', ')} from ${scan}) to ${literal(rows)} (format json)`], signal)
    const staging = `trainyard_${createHash('sha256').update(`${key} ${table}`).digest('hex').slice(0, 16)}`
    return await inThread({ key, table, mode, database, rows, columns, staging }, load)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A value in DuckDB as the database takes its text. */
function takenBy(database: string, kind: ColumnKind, value: string): string {
  if (database.startsWith('postgres')) return value
  if (kind === 'boolean') return `cast(${value} as integer)`
  // MySQL takes no zone with an instant.
  return kind === 'timestamp' && !database.startsWith('sqlite:') ? `make_timestamp(epoch_us(${value}))` : value
}

function kindOf(type: string): ColumnKind {
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT|^U?INTEGER/.test(type)) return 'integer'
  if (/^(FLOAT|DOUBLE|DECIMAL)/.test(type)) return 'real'
  if (type === 'BOOLEAN') return 'boolean'
  if (type === 'DATE') return 'date'
  return type.startsWith('TIMESTAMP') ? 'timestamp' : 'text'
}

async function inThread(job: LoadJob, { by, signal }: SqlLoad): Promise<number> {
  signal.throwIfAborted()
  const worker = new Worker(moduleAt('data/sql-load-worker'), { workerData: job })
  const cancel = (): void => void worker.terminate()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const answer = await new Promise<{ loaded?: number; error?: string; isAway?: boolean }>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => resolve({ error: 'The load ended before it was complete.' }))
    })
    signal.throwIfAborted()
    if (answer.error === undefined) return answer.loaded!
    const error = maskOf(hiddenOf(job.database))(answer.error)
    if (answer.isAway) throw new TrainyardError('unavailable', `The ${by} cannot be written now: ${error}`)
    throw invalid(`The ${by} cannot be written: ${error}`, [
      { field: 'table', value: job.table, allowed: 'a table that takes these columns' },
    ])
  } finally {
    signal.removeEventListener('abort', cancel)
    await worker.terminate()
  }
}
