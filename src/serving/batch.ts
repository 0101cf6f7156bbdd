import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { Digest } from '#kernel/digest.ts'
import {
  formatSql,
  identifier,
  literal,
  scanOf,
  type Blob,
  type Blobs,
  type Duckdb,
  type Row,
  type TableFormat,
} from '#storage'
import type { Answer, Question } from './ask.ts'
import { columnTypes } from './answer-columns.ts'

export interface BatchParts {
  readonly blobs: Blobs
  readonly duckdb: Duckdb
  ask(question: Question): Promise<readonly Answer[]>
}

export interface Batch {
  readonly deployment: string
  /** CSV with a header, or Parquet. */
  readonly rows: Digest
  readonly format: TableFormat
  readonly signal: AbortSignal
  log(line: string): void
}

/** Rows of one request: far from what the model server takes at most, and enough for a request to cost little. */
const requestRows = 1_000
/** Rows that are read at once. */
const pageRows = 20_000
const place = '__row'

/**
 * Asks a deployment about every row of a table, as its clients would: each is in the prediction log, and monitored. Answers
 * the rows in their order, with the outputs beside them and the id of each prediction; an output that is called as a
 * column is called `<name>_predicted`. Throws as {@link ask}, naming the rows; nothing is made then.
 */
export async function predictBatch(parts: BatchParts, batch: Batch): Promise<Blob & { readonly rows: number }> {
  const { blobs, duckdb } = parts
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-batch-'))
  const [table, answers, result] = ['rows.parquet', 'answers.ndjson', 'predictions'].map(name => join(folder, name))
  try {
    const numbered = `select row_number() over () - 1 as ${place}, * from ${await scanOf(await blobs.path(batch.rows))}`
    await duckdb.query([`copy (${numbered}) to ${literal(table!)} (format parquet)`], batch.signal)
    const given = await columnsOf(duckdb, table!, batch.signal)
    const types = await askAll(parts, batch, { table: table!, answers: answers! })
    const outputs = Object.keys(types).map(name => {
      const taken = given.includes(name) ? `${name}_predicted` : name
      return `a.${identifier(name)} as ${identifier(taken)}`
    })
    const read = `read_json(${literal(answers!)}, format = 'newline_delimited', columns = ${structOf(types)})`
    const joined = `select r.* exclude (${place}), ${outputs.join(', ')} from ${literal(table!)} r
      join (select *, row_number() over () - 1 as ${place} from ${read}) a using (${place}) order by ${place}`
    const [written] = await duckdb.query(
      [`copy (${joined}) to ${literal(result!)} (${formatSql[batch.format]})`],
      batch.signal,
    )
    return { ...(await blobs.putFile(result!)), rows: Number(written!['Count']) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function columnsOf(duckdb: Duckdb, table: string, signal: AbortSignal): Promise<readonly string[]> {
  const described = await duckdb.query([`describe select * exclude (${place}) from ${literal(table)}`], signal)
  return described.map(row => row['column_name'] as string)
}

/** Writes the answers line by line, and answers the types of their columns. */
async function askAll(
  parts: BatchParts,
  { deployment, signal, log }: Batch,
  { table, answers }: { table: string; answers: string },
): Promise<Readonly<Record<string, string>>> {
  let types: Readonly<Record<string, string>> = {}
  for (let from = 0; ; from += pageRows) {
    const wanted = `${place} >= ${from} and ${place} < ${from + pageRows}`
    const page = await parts.duckdb.query(
      [`select * exclude (${place}) from ${literal(table)} where ${wanted} order by ${place}`],
      signal,
    )
    for (let start = 0; start < page.length; start += requestRows) {
      const rows = page.slice(start, start + requestRows)
      const given = await parts.ask({ deployment, rows, signal }).catch(inRows(from + start, rows))
      types = columnTypes(given, types)
      await appendFile(answers, given.map(answer => `${JSON.stringify(answer)}\n`).join(''))
    }
    if (page.length > 0) log(`${from + page.length} rows have been predicted.`)
    if (page.length === pageRows) continue
    if (from + page.length > 0) return types
    throw invalid('There is nothing to predict.', [{ field: 'inputs.rows', value: '0 rows', allowed: 'at least one' }])
  }
}

/** The model server counts from the first row that it was sent. */
const inRows =
  (before: number, { length }: readonly Row[]) =>
  (error: unknown): never => {
    if (!(error instanceof TrainyardError)) throw error
    const which = `Rows ${before + 1} to ${before + length}, counted from the first of them`
    throw new TrainyardError(error.code, `${which}: ${error.message}`, error.detail)
  }

const structOf = (types: Readonly<Record<string, string>>): string =>
  `{${Object.entries(types)
    .map(([name, type]) => `${literal(name)}: ${literal(type)}`)
    .join(', ')}}`
