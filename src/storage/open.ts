import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Kysely, PostgresDialect, SqliteDialect, type SqliteDatabase, type Transaction } from 'kysely'
import pg from 'pg'
import { RE2JS } from 're2js'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { preparedName } from './prepared.ts'

/**
 * A database of the platform: SQLite in one file, or PostgreSQL shared by several control planes. The SQL that
 * components write is the part both understand. A component sees its own tables only: `db.withTables<RegistryTables>()`.
 *
 * On SQLite there is one connection, and a transaction holds it: inside `db.transaction()` use `tx` alone, or wait for
 * ever.
 */
export type Db = Kysely<Record<never, never>>

/** Any transaction, whichever tables its owner sees: how a change and its event, node or edge are written together. */
export interface AnyTx {
  readonly isTransaction: true
}

/** The caller's transaction, seen with this component's tables. */
export const inside = <Tables>(tx: AnyTx): Transaction<Tables> => tx as unknown as Transaction<Tables>

/** Opens `sqlite:<file>`, `sqlite::memory:` or `postgres://…`. Throws `invalid` on any other text. */
export function openDatabase(url: string): Db {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length))
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url)
  throw invalid('This is no database.', [
    { field: 'database', value: url, allowed: 'sqlite:<file> or postgres://user@host/name' },
  ])
}

function openSqlite(path: string): Db {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  return new Kysely({ dialect: new SqliteDialect({ database: nodeSqlite(path) }) })
}

const int8 = 20
const numeric = 1700

function openPostgres(url: string): Db {
  // Counts and instants fit a double: bigint as text would leak into every reader.
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === int8 || oid === numeric ? Number : pg.types.getTypeParser(oid, format as 'text'),
  }
  const pool = new pg.Pool({ connectionString: url, max: 10, types: types as never })
  // An idle connection that the server ends is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  pool.on('connect', client => {
    adapt(client)
    // Compiling a statement takes longer than any of ours should run: of two hundred conditions, half a minute.
    client.query('set jit = off').catch(() => {})
  })
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
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

function refuse(error: Error & { readonly code?: string }): never {
  if (!unstorable.includes(error.code ?? '')) throw error
  throw invalid('A value cannot be stored.', [{ field: '', allowed: 'text without U+0000, and numbers of 64 bits' }])
}

const preparedMax = 500

/** Kysely speaks better-sqlite3; node:sqlite says `columns()` where that says `reader`. */
function nodeSqlite(path: string): SqliteDatabase {
  const db = new DatabaseSync(path)
  db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000')
  // 64 MiB of pages, and 16 MiB of log before it is folded in: the default 2 and 4 are read and written all the time.
  db.exec('pragma cache_size = -65536; pragma wal_autocheckpoint = 4000')
  addRegexp(db)
  const prepared = new Map<string, StatementSync>()
  const prepare = (text: string): StatementSync => {
    const known = prepared.get(text)
    if (known) return known
    if (prepared.size >= preparedMax) prepared.clear()
    const statement = db.prepare(text)
    prepared.set(text, statement)
    return statement
  }
  return {
    close: () => db.close(),
    prepare(text) {
      const statement = prepare(text)
      return {
        reader: statement.columns().length > 0,
        all: params => unlessFull(() => statement.all(...(params as never[]))),
        // What found no room has been rolled back already [SQLite, Response To Errors Within A Transaction].
        run: params =>
          text === 'rollback' && !db.isTransaction
            ? { changes: 0, lastInsertRowid: 0 }
            : unlessFull(() => statement.run(...(params as never[]))),
        iterate: params => statement.iterate(...(params as never[])),
      }
    },
  }
}

/** SQLITE_FULL [SQLite, Result and Error Codes]. */
const full = 13

function unlessFull<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== full) throw error
    throw new TrainyardError('unavailable', 'The disk that the database is on is full.')
  }
}

const compiledMax = 100

/** What `text regexp pattern` calls: RE2, whose time is linear in the text, unlike that of JavaScript's own. */
function addRegexp(db: DatabaseSync): void {
  const compiled = new Map<string, RE2JS>()
  const compile = (pattern: string): RE2JS => {
    const known = compiled.get(pattern)
    if (known) return known
    if (compiled.size >= compiledMax) compiled.clear()
    const regex = RE2JS.compile(pattern)
    compiled.set(pattern, regex)
    return regex
  }
  db.function('regexp', { deterministic: true }, (pattern, text) => {
    if (pattern === null || text === null) return null
    return compile(String(pattern)).test(String(text)) ? 1 : 0
  })
}
