import { appendFile, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Int64 } from '#kernel/int64.ts'
import { createDuckdb, identifier, literal } from '#storage'

/** What a column of an export holds. Times are milliseconds since the epoch; lists and maps are JSON text. */
export type ColumnType = 'text' | 'integer' | 'number'

export type Columns = Readonly<Record<string, ColumnType>>

/** One value; NaN and infinities too. */
export type Cell = string | Int64 | null | undefined

/** Parquet tables, written row by row and made at the end. Rows wait on the disk, not in memory. */
export interface ExportTables {
  add(table: string, row: Readonly<Record<string, Cell>>): Promise<void>
  /** Makes the Parquet files, one for each table, and answers how many rows each has. */
  finish(): Promise<Readonly<Record<string, number>>>
}

const flushCharacters = 1_000_000
const sqlTypes: Readonly<Record<ColumnType, string>> = { text: 'VARCHAR', integer: 'BIGINT', number: 'DOUBLE' }

export async function createExportTables(
  folder: string,
  tables: Readonly<Record<string, Columns>>,
): Promise<ExportTables> {
  const waiting = join(folder, '.rows')
  await mkdir(waiting, { recursive: true })
  const lines = new Map<string, string[]>()
  const sizes = new Map<string, number>()
  const counts = new Map(Object.keys(tables).map(name => [name, 0]))

  async function flush(table: string): Promise<void> {
    const some = lines.get(table) ?? []
    lines.set(table, [])
    sizes.set(table, 0)
    await appendFile(join(waiting, `${table}.jsonl`), some.join(''))
  }

  return {
    async add(table, row) {
      const line = `${JSON.stringify(row, asText)}\n`
      const list = lines.get(table) ?? []
      list.push(line)
      lines.set(table, list)
      counts.set(table, counts.get(table)! + 1)
      const size = (sizes.get(table) ?? 0) + line.length
      sizes.set(table, size)
      if (size > flushCharacters) await flush(table)
    },

    async finish() {
      const duckdb = createDuckdb()
      try {
        for (const [table, columns] of Object.entries(tables)) {
          await flush(table)
          await duckdb.query([
            copyStatement(join(waiting, `${table}.jsonl`), join(folder, `${table}.parquet`), columns),
          ])
          await stat(join(folder, `${table}.parquet`))
        }
      } finally {
        duckdb.stop()
      }
      await rm(waiting, { recursive: true })
      return Object.fromEntries(counts)
    },
  }
}

/** What JSON has no number for: NaN, infinities, and whole numbers beyond 2^53. */
const asText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value

/** All is read as text and then cast: JSON has no NaN, and a key is never guessed to be a date. */
function copyStatement(from: string, to: string, columns: Columns): string {
  const names = Object.keys(columns)
  const read = names.map(name => `${identifier(name)}: 'VARCHAR'`).join(', ')
  const cast = names.map(name => `cast(${identifier(name)} as ${sqlTypes[columns[name]!]}) as ${identifier(name)}`)
  return `copy (select ${cast.join(', ')} from read_json(${literal(from)}, format = 'newline_delimited',
    maximum_object_size = 134217728, columns = {${read}})) to ${literal(to)} (format parquet, compression zstd)`
}
