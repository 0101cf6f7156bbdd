import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { answerRequests } from './child-worker.ts'
import type { Row, Value } from './duckdb.ts'

/** The child process of {@link createDuckdb}: takes lists of statements, answers rows. */

const [threads = '2', memoryLimit = '2GB'] = process.argv.slice(2)
const instance = await DuckDBInstance.create(':memory:', {
  threads,
  memory_limit: memoryLimit,
  autoinstall_known_extensions: 'false',
})

async function query(statements: readonly string[]): Promise<readonly Row[]> {
  let connection: DuckDBConnection | undefined
  try {
    connection = await instance.connect()
    await connection.run(`set TimeZone = 'UTC'`)
    for (const statement of statements.slice(0, -1)) await connection.run(statement)
    const reader = await connection.runAndReadAll(statements.at(-1)!)
    return reader.getRowObjectsJS().map(row => plain(row) as Row)
  } finally {
    connection?.closeSync()
  }
}

function plain(value: unknown): Value {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Date) return value.getTime()
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  return value as Value
}

answerRequests<{ statements: readonly string[] }>(({ statements }) => query(statements))
