import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { RE2JS } from 're2js'
import { TrainyardError } from '#kernel/error.ts'
import { int64Of } from '#kernel/int64.ts'

const preparedMax = 500

/** Kysely speaks better-sqlite3; node:sqlite says `columns()` where that says `reader`. */
export function nodeSqlite(db: DatabaseSync): SqliteDatabase {
  db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma busy_timeout = 5000')
  // 16 MiB of pages, and as much of log before it is folded in: the default 2 and 4 are read and written all the time. With
  // more nothing is faster, as the system keeps the file in memory too (benchmarks/fan-out.ts).
  db.exec('pragma cache_size = -16384; pragma wal_autocheckpoint = 4000')
  addRegexp(db)
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => db.close(),
    prepare(text) {
      const known = prepared.get(text)
      if (known) return known
      if (prepared.size >= preparedMax) prepared.clear()
      const statement = statementOf(db, text)
      prepared.set(text, statement)
      return statement
    },
  }
}

function statementOf(db: DatabaseSync, text: string): SqliteStatement {
  const statement = db.prepare(text)
  return {
    reader: statement.columns().length > 0,
    all: params => unlessFull(() => allOf(statement, params as SQLInputValue[])),
    // What found no room has been rolled back already [SQLite, Response To Errors Within A Transaction].
    run: params =>
      text === 'rollback' && !db.isTransaction
        ? { changes: 0, lastInsertRowid: 0 }
        : unlessFull(() => statement.run(...(params as never[]))),
    iterate: params => statement.iterate(...(params as never[])),
  }
}

/** All rows, and whole numbers to their last digit. What beyond 2^53 was met is read again: it is rare, and no change returns it. */
function allOf(statement: StatementSync, params: readonly SQLInputValue[]): unknown[] {
  try {
    return statement.all(...params)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_OUT_OF_RANGE') throw error
  }
  statement.setReadBigInts(true)
  try {
    return statement.all(...params).map(narrowed)
  } finally {
    statement.setReadBigInts(false)
  }
}

const narrowed = (row: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? int64Of(value) : value]),
  )

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
