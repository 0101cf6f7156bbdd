import { invalid } from '#kernel/error.ts'
import { moduleAt } from '#kernel/place.ts'
import { createChildWorker, Refused } from './child-worker.ts'

/** A value of a DuckDB row: instants and dates are milliseconds since the epoch, whole numbers are numbers. */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value }
export type Row = Readonly<Record<string, Value>>

/**
 * Scans over Parquet and CSV files. DuckDB blocks the threads it runs on and its memory is its own, so it lives in a
 * child process that ends after a minute without work; cancelling ends it at once.
 */
export interface Duckdb {
  /**
   * Runs statements in order on a fresh connection (temporary tables and views are its own, the time zone is UTC) and
   * answers the rows of the last. Throws `invalid` with DuckDB's own words when a statement is refused.
   */
  query(statements: readonly string[], signal?: AbortSignal): Promise<readonly Row[]>
  stop(): void
}

const module = moduleAt('storage/duckdb-worker')

export function createDuckdb({
  threads = 2,
  memoryLimit = '2GB',
}: { threads?: number; memoryLimit?: string } = {}): Duckdb {
  const worker = createChildWorker<{ statements: readonly string[] }, readonly Row[]>({
    module,
    args: [String(threads), memoryLimit],
  })
  return {
    query: (statements, signal) =>
      worker.call({ statements }, signal).catch(error => {
        throw error instanceof Refused ? invalid(error.message) : error
      }),
    stop: () => worker.stop(),
  }
}

/** Text as a SQL string literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A name as a SQL identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
