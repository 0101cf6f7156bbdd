import pg from 'pg'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { int64Of } from '#kernel/int64.ts'
import { preparedName } from './prepared.ts'

const int8 = 20
const numeric = 1700

/** Connections to PostgreSQL as Kysely wants them, with numbers as numbers and the planner as our statements need it. */
export function openPool(connectionString: string, max: number): pg.Pool {
  // Counts and instants fit a double: bigint as text would leak into every reader.
  const parsers: Readonly<Record<number, (text: string) => unknown>> = { [int8]: int64Of, [numeric]: Number }
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      parsers[oid] ?? pg.types.getTypeParser(oid, format as 'text'),
  }
  const pool = new pg.Pool({ connectionString, max, types: types as never })
  // An idle connection that the server ends is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  pool.on('connect', client => {
    adapt(client)
    // One that breaks while it is in use fails its statement, which is told there.
    client.on('error', () => {})
    // Compiling a statement takes longer than any of ours should run: of two hundred conditions, half a minute.
    client.query('set jit = off').catch(() => {})
  })
  return pool
}

/** Of the data exceptions [SQLSTATE class 22] those that a value itself is: U+0000 in a text, a number out of range. */
const unstorable: readonly string[] = ['22021', '22P05', '22003']

/** Prepared statements go by their name. A value that PostgreSQL cannot hold is the mistake of who sent it, and no fault. */
function adapt(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: readonly unknown[]) => unknown
  client.query = ((...args: readonly unknown[]) => {
    const [text, values] = args
    const name = typeof text === 'string' ? preparedName(text) : undefined
    const answer = name === undefined ? query(...args) : query({ name, text, values })
    return answer instanceof Promise ? answer.catch(refuse) : answer
  }) as typeof client.query
}

/** disk_full. */
const full = '53100'

function refuse(error: Error & { readonly code?: string }): never {
  if (error.code === full) throw new TrainyardError('unavailable', 'The disk that the database is on is full.')
  if (!unstorable.includes(error.code ?? '')) throw error
  throw invalid('A value cannot be stored.', [{ field: '', allowed: 'text without U+0000, and numbers of 64 bits' }])
}
