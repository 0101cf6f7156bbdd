import { open } from 'node:fs/promises'
import { literal } from './duckdb.ts'

/** SQL: the rows of a file. One that begins with `PAR1` is Parquet, anything else is read as CSV with a header. */
export async function scanOf(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.toString('latin1') === 'PAR1'
      ? `read_parquet(${literal(path)})`
      : `read_csv(${literal(path)}, header = true, sample_size = -1)`
  } finally {
    await file.close()
  }
}

export type TableFormat = 'csv' | 'parquet'

/** SQL: how `copy` writes a table that {@link scanOf} reads. */
export const formatSql: Readonly<Record<TableFormat, string>> = {
  csv: 'format csv, header true',
  parquet: 'format parquet, compression zstd',
}
