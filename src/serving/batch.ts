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
import type { BatchProgress } from './batch-progress.ts'

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
  readonly progress: BatchProgress
  readonly signal: AbortSignal
  log(line: string): void
}

/** Rows of one request: far from what the model server takes at most, and enough for a request to cost little. */
const requestRows = 1_000
/** Rows that are read at once. */
const pageRows = 8_000
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
  batch: Batch,
  { table, answers }: { table: string; answers: string },
): Promise<Readonly<Record<string, string>>> {
  let types: Readonly<Record<string, string>> = {}
  for (let from = 0; ; from += pageRows) {
    const wanted = `${place} >= ${from} and ${place} < ${from + pageRows}`
    const rows = (): Promise<readonly Row[]> =>
      parts.duckdb.query(
        [`select * exclude (${place}) from ${literal(table)} where ${wanted} order by ${place}`],
        batch.signal,
      )
    const given = await answersFrom(parts, batch, { from, rows })
    types = columnTypes(given, types)
    await appendFile(answers, toLines(given))
    if (given.length > 0) batch.log(`${from + given.length} rows have been predicted.`)
    if (given.length === pageRows) continue
    if (from + given.length > 0) return types
    throw invalid('There is nothing to predict.', [{ field: 'inputs.rows', value: '0 rows', allowed: 'at least one' }])
  }
}

/** The answers to a page: those that an attempt before has had, or the model server's now, which are kept. */
async function answersFrom(
  { ask }: Pick<BatchParts, 'ask'>,
  { deployment, signal, progress }: Batch,
  { from, rows }: { from: number; rows: () => Promise<readonly Row[]> },
): Promise<readonly Answer[]> {
  const had = await progress.page(from)
  if (had !== undefined)
    return had
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Answer)
  const page = await rows()
  const answers: Answer[] = []
  for (let start = 0; start < page.length; start += requestRows) {
    const some = page.slice(start, start + requestRows)
    answers.push(...(await ask({ deployment, rows: some, signal }).catch(inRows(from + start, some))))
  }
  if (answers.length > 0) await progress.keep(from, toLines(answers))
  return answers
}

const toLines = (answers: readonly Answer[]): string => answers.map(answer => `${JSON.stringify(answer)}\n`).join('')

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
