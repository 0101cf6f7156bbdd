import { join } from 'node:path'
import { invalid, TrainyardError } from '#kernel/error.ts'
import type { ColumnType } from '#project'
import { identifier, literal, type Duckdb } from '#storage'
import { accepts, isPresent, suggests, typed, type Cell } from './cell.ts'
import { columnType, inferred, textRules } from './column-type.ts'
import type { Violation } from './contract.ts'
import type { CsvShape } from './csv-shape.ts'
import { describe } from './dataset-version.ts'
import { textOf } from './text.ts'

/** Raw data as a file on this machine. */
export interface RawFile {
  /** What it is called in errors. */
  readonly name: string
  readonly path: string
  /** Absent for Parquet. */
  readonly csv?: CsvShape
}

/** What is known of the columns before they are read. */
export interface Expected {
  readonly declared: Readonly<Record<string, ColumnType>>
  /** Types of the contract. A learned integer column may turn out to hold fractions; nothing else may change. */
  readonly learned: Readonly<Record<string, ColumnType>>
  /** Columns that must be there. */
  readonly required: readonly string[]
}

export interface TypedRows {
  /** A Parquet file in the folder that was given. */
  readonly path: string
  readonly rows: number
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
}

interface Reading {
  readonly duckdb: Duckdb
  readonly raw: RawFile
  readonly expected: Expected
  /** For temporary files; the caller removes it. */
  readonly folder: string
  readonly signal: AbortSignal
}

const rejectsMax = 1_000
const shown = 3

/**
 * Types every cell and writes the rows as Parquet, in the order in which they were read: equal rows are equal bytes.
 * A type is declared, learned, or inferred from the whole column. Throws `invalid` when the file's form is broken
 * and `data_broken` when its content is, naming rows, columns and values. Rows are counted from 1, without the header.
 */
export async function readRows(reading: Reading): Promise<TypedRows> {
  const { duckdb, raw, expected, folder, signal } = reading
  const { relation, cells } = raw.csv ? await csvCells(reading, raw.csv) : await parquetCells(reading)
  requireColumns(
    raw.name,
    cells.map(cell => cell.name),
    expected.required,
  )
  const table = { duckdb, relation, cells, signal }
  const { rows, types } = await typesOf(table, expected)
  if (rows === 0)
    broken(raw.name, [{ column: '*', rule: 'empty', found: 'no rows', allowed: 'at least one row', rows: 0 }])
  const wrong = await wrongCells(table, types)
  if (wrong.length > 0) broken(raw.name, wrong)
  const path = join(folder, 'rows.parquet')
  const columns = cells.map((cell, index) => typed(cell, types[index]!)).join(', ')
  await duckdb.query(
    [`copy (select ${columns} from ${relation}) to ${literal(path)} (format parquet, compression zstd)`],
    signal,
  )
  return { path, rows, columns: cells.map(({ name }, index) => ({ name, type: types[index]! })) }
}

/** Throws `data_broken`: final for the run, and a matter for data engineering. */
export function broken(name: string, violations: readonly Violation[]): never {
  throw new TrainyardError('data_broken', `${name} is broken.${describe(violations)}`, { source: name, violations })
}

export function requireColumns(name: string, names: readonly string[], required: readonly string[]): void {
  const violations = required
    .filter(column => !names.includes(column))
    .map((column): Violation => ({
      column,
      rule: 'column_missing',
      found: `columns ${names.join(', ')}`,
      allowed: `a column ${column}`,
      rows: 0,
    }))
  if (violations.length > 0) broken(name, violations)
}

interface Table {
  readonly duckdb: Duckdb
  readonly relation: string
  readonly cells: readonly Cell[]
  readonly signal: AbortSignal
}

/** Splits the text into cells, once, beside the raw file: later steps scan Parquet. */
async function csvCells({ duckdb, raw, folder, signal }: Reading, { delimiter, columns, keepsEmptyText }: CsvShape) {
  const target = join(folder, 'cells.parquet')
  const types = columns.map((_, index) => `'c${index}': 'VARCHAR'`).join(', ')
  const options = `auto_detect=false, header=true, delim=${literal(delimiter)}, quote='"', escape='"', allow_quoted_nulls=${!keepsEmptyText}, columns={${types}}`
  const rejects = `store_rejects=true, rejects_table='reject', rejects_scan='reject_scan', rejects_limit=${rejectsMax}`
  const errors = await duckdb.query(
    [
      `copy (select * from read_csv(${literal(raw.path)}, ${options}, ${rejects})) to ${literal(target)} (format parquet)`,
      `select line, min_by(error_message, byte_position) as message, min_by(csv_line, byte_position) as text from reject group by line order by line`,
    ],
    signal,
  )
  if (errors.length > 0) {
    // DuckDB's line counts records, the header among them.
    const problems = errors.slice(0, shown).map(({ line, message, text }) => ({
      field: `row ${Number(line) - 1}`,
      value: textOf(text).trim(),
      allowed: textOf(message),
    }))
    const count = errors.length < rejectsMax ? String(errors.length) : `${rejectsMax} or more`
    throw invalid(`${raw.name} has rows that are not ${columns.length} cells: ${count}.`, problems)
  }
  return {
    relation: rowsOf(target),
    cells: columns.map((name, index): Cell => ({ name, raw: `c${index}`, physical: undefined })),
  }
}

async function parquetCells({ duckdb, raw, signal }: Reading) {
  const columns = await duckdb
    .query([`describe select * from read_parquet(${literal(raw.path)})`], signal)
    .catch((error: unknown) => {
      // DuckDB's own words name a path of ours.
      if (!(error instanceof TrainyardError) || error.code !== 'invalid') throw error
      throw invalid(`${raw.name} cannot be read as Parquet.`, [{ field: 'file', allowed: 'a Parquet file' }])
    })
  const cells = columns.map(({ column_name, column_type }): Cell => {
    const [name, type] = [textOf(column_name), textOf(column_type)]
    const physical = columnType(type)
    if (physical === undefined || name === rowNumber) {
      throw invalid(`${raw.name} has a column that a dataset cannot hold.`, [
        { field: name, value: type, allowed: 'booleans, numbers, text, dates and timestamps, under another name' },
      ])
    }
    return { name, raw: identifier(name), physical }
  })
  return { relation: rowsOf(raw.path), cells }
}

const rowNumber = 'file_row_number'
const rowsOf = (path: string): string => `read_parquet(${literal(path)}, file_row_number=true)`

/** One scan: how many rows there are and which type each column has. */
async function typesOf(
  { duckdb, relation, cells, signal }: Table,
  { declared, learned }: Expected,
): Promise<{ rows: number; types: readonly ColumnType[] }> {
  const open = cells.flatMap((cell, index) => {
    if (declared[cell.name] !== undefined) return []
    const known = learned[cell.name]
    if (known === 'integer')
      return (['integer', 'number'] as const).map(type => ({ cell, index, type, test: accepts(cell, type) }))
    if (known !== undefined || cell.physical !== undefined) return []
    return inferred.map(type => ({ cell, index, type, test: suggests(cell, type) }))
  })
  const fits = open.map(
    ({ cell, index, type, test }) =>
      `count(*) filter (${isPresent(cell, type)} and ${test}) = count(*) filter (${isPresent(cell, type)}) and count(*) filter (${isPresent(cell, type)}) > 0 as ${type}_${index}`,
  )
  const [row] = await duckdb.query([`select ${['count(*) as n', ...fits].join(', ')} from ${relation}`], signal)
  const types = cells.map(({ name, physical }, index): ColumnType => {
    const found = open.find(candidate => candidate.index === index && row![`${candidate.type}_${index}`] === true)
    return declared[name] ?? found?.type ?? learned[name] ?? physical ?? 'string'
  })
  return { rows: Number(row!['n']), types }
}

/** One scan for the counts, and one more for each column with wrong values, to show the first of them. */
async function wrongCells(
  { duckdb, relation, cells, signal }: Table,
  types: readonly ColumnType[],
): Promise<Violation[]> {
  const tests = cells.map((cell, index) => `${isPresent(cell, types[index]!)} and not ${accepts(cell, types[index]!)}`)
  const counts = tests.map((test, index) => `count(*) filter (${test}) as n${index}`)
  const [row] = await duckdb.query([`select ${counts.join(', ')} from ${relation}`], signal)
  const violations: Violation[] = []
  for (const [index, { name, raw }] of cells.entries()) {
    const rows = Number(row![`n${index}`])
    if (rows === 0) continue
    const first = await duckdb.query(
      [
        `select ${rowNumber} + 1 as row, left(cast(${raw} as varchar), 80) as value from ${relation} where ${tests[index]} order by 1 limit ${shown}`,
      ],
      signal,
    )
    const found = first.map(example => `"${textOf(example['value'])}" in row ${textOf(example['row'])}`).join(', ')
    violations.push({
      column: name,
      rule: 'type',
      found: rows > first.length ? `${found} and ${rows - first.length} more` : found,
      allowed: textRules[types[index]!].allowed,
      rows,
    })
  }
  return violations
}
