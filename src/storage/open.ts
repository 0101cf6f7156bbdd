import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, PostgresDialect, SqliteDialect, type Transaction } from 'kysely'
import { invalid } from '#kernel/error.ts'
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
  return sqliteDb(new DatabaseSync(path))
}

export const sqliteDb = (database: DatabaseSync): Db =>
  new Kysely({ dialect: new SqliteDialect({ database: nodeSqlite(database) }) })

/** Its client is loaded with the first statement: most servers never need it. */
const openPostgres = (url: string): Db =>
  new Kysely({
    dialect: new PostgresDialect({ pool: async () => (await import('./postgres-pool.ts')).openPool(url) }),
  })
