import { DatabaseSync } from 'node:sqlite'
import { quoted, type LoadPlace, type LoadTarget } from './load-target.ts'

export function openSqlite({ database, beside, loads, columns }: LoadPlace): LoadTarget {
  const db = new DatabaseSync(database.slice('sqlite:'.length))
  db.exec('pragma busy_timeout = 10000')
  const names = columns.map(({ name }) => quoted(name)).join(', ')
  const insert = `insert into ${beside} (${names}) values (${columns.map(() => '?').join(', ')})`
  return {
    types: { integer: 'integer', real: 'real', boolean: 'integer', date: 'text', timestamp: 'text', text: 'text' },
    keyType: 'text',
    run: async statement => db.exec(statement),
    async insert(page) {
      const statement = db.prepare(insert)
      db.exec('begin immediate')
      for (const row of page) statement.run(...columns.map(({ name }) => row[name] ?? null))
      db.exec('commit')
    },
    isNoted: async key => db.prepare(`select 1 from ${loads} where "load" = ?`).get(key) !== undefined,
    note: async (key, at) => void db.prepare(`insert into ${loads} ("load", loaded) values (?, ?)`).run(key, at),
    close: async () => db.close(),
  }
}
