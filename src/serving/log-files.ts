import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { identifier, literal } from '#storage'

/** The columns of the prediction log, in its NDJSON segments and in its Parquet files. */
const columns = {
  id: 'VARCHAR',
  row: 'INTEGER',
  key: 'VARCHAR',
  event_time: 'BIGINT',
  features: 'JSON',
  outputs: 'JSON',
  feature_times: 'JSON',
  filled: 'JSON',
  request_id: 'VARCHAR',
  deployment: 'VARCHAR',
  revision: 'VARCHAR',
  version: 'VARCHAR',
  received_at: 'BIGINT',
  latency_ms: 'DOUBLE',
  forced: 'BOOLEAN',
  inclusion: 'DOUBLE',
  drawn: 'BOOLEAN',
  error: 'VARCHAR',
} as const

const columnTypes = Object.entries(columns).map(([name, type]) => `${identifier(name)}: ${literal(type)}`)

/** DuckDB's view on segments. A line that is cut off, because its writer died while writing it, was never answered. */
export const segmentRows = (paths: readonly string[]): string =>
  `select * from read_ndjson(${list(paths)}, columns = {${columnTypes.join(', ')}}, ignore_errors = true, maximum_object_size = 67108864) where id is not null and deployment is not null and received_at is not null`

/** Files from before there was a column have none of it. */
export const parquetRows = (paths: readonly string[]): string =>
  `select * from read_parquet(${list(paths)}, union_by_name = true)`

const noRows = `select ${Object.entries(columns)
  .map(([name, type]) => `null::${type} as ${identifier(name)}`)
  .join(', ')} limit 0`

/** Writes the rows of a query, sorted for reading by event time. Columns that they do not have are null. */
export const copyRows = (rows: string, path: string): string =>
  `copy (select ${Object.keys(columns).map(identifier).join(', ')} from ((${noRows}) union all by name (${rows})) order by event_time, id) to ${literal(path)} (format parquet, compression zstd)`

const list = (paths: readonly string[]): string => `[${paths.map(literal).join(', ')}]`

/** What a Parquet file is called until it is whole. */
export const unfinished = (path: string): string => `${path}.new`

/** Forces a finished file to the disk and gives it its name. */
export async function publishFile(path: string): Promise<void> {
  const file = await open(unfinished(path), 'r+')
  await file.sync().finally(() => file.close())
  await rename(unfinished(path), path)
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}
