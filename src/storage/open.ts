import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, PostgresDialect, SqliteDialect, type Transaction } from 'kysely'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { nodeSqlite } from './node-sqlite.ts'

/**
 * A database of the platform: SQLite in one file, or PostgreSQL shared by several control planes. The SQL that
 * components write is the part both understand; a bigint is read as `Int64`. A component sees its own tables only: `db.withTables<RegistryTables>()`.
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

/**
 * Opens `sqlite:<file>`, `sqlite::memory:` or `postgres://…`, that with so many connections at most. Throws `invalid` on
 * any other text, and `unavailable` when the write-ahead log of SQLite was removed.
 */
export function openDatabase(url: string, { connectionsMax = 10 }: { connectionsMax?: number } = {}): Db {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length))
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url, connectionsMax)
  throw invalid('This is no database.', [
    { field: 'database', value: url, allowed: 'sqlite:<file> or postgres://user@host/name' },
  ])
}

function openSqlite(path: string): Db {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  requireLog(path)
  return sqliteDb(new DatabaseSync(path))
}

/**
 * What was committed last is in the write-ahead log alone, and without it SQLite opens what is left as if nothing were
 * missing. Who closes a database removes its index (`-shm`) first, then the log [SQLite, Write-Ahead Logging, 4]: an
 * index without a log is of one that was not closed, whose log somebody has taken away.
 */
function requireLog(path: string): void {
  if (!existsSync(path) || !existsSync(`${path}-shm`) || existsSync(`${path}-wal`)) return
  throw new TrainyardError(
    'unavailable',
    `${path}-wal is gone, and what was committed last with it. Put it back, or restore a backup; to go on without, remove ${path}-shm.`,
  )
}

export const sqliteDb = (database: DatabaseSync): Db =>
  new Kysely({ dialect: new SqliteDialect({ database: nodeSqlite(database) }) })

/** Its client is loaded with the first statement: most servers never need it. */
const openPostgres = (url: string, connectionsMax: number): Db =>
  new Kysely({
    dialect: new PostgresDialect({
      pool: async () => (await import('./postgres-pool.ts')).openPool(url, connectionsMax),
    }),
  })
