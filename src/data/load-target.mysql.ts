import type { RowDataPacket } from 'mysql2'
import { connectMysql } from './mysql-connection.ts'
import { quoted, type LoadPlace, type LoadTarget } from './load-target.ts'

/** Rows of one statement: far below what a server takes at once (16 MiB by default), whatever is in them. */
const statementRows = 500

/** MariaDB and MySQL. A statement that makes or removes a table ends the transaction that it stands in. */
export async function openMysql({ database, beside, loads, columns }: LoadPlace): Promise<LoadTarget> {
  const connection = (await connectMysql(database)).promise()
  const names = columns.map(({ name }) => quoted(name)).join(', ')
  return {
    types: {
      integer: 'bigint',
      real: 'double',
      boolean: 'boolean',
      date: 'date',
      timestamp: 'datetime(6)',
      text: 'longtext',
    },
    keyType: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
    run: async statement => void (await connection.query(statement)),
    async insert(page) {
      for (let start = 0; start < page.length; start += statementRows) {
        const rows = page.slice(start, start + statementRows)
        const values = rows.map(row => columns.map(({ name }) => row[name] ?? null))
        await connection.query(`insert into ${beside} (${names}) values ?`, [values])
      }
    },
    async isNoted(key) {
      const [rows] = await connection.query<RowDataPacket[]>(`select 1 from ${loads} where "load" = ?`, [key])
      return rows.length > 0
    },
    note: async (key, at) =>
      void (await connection.query(`insert into ${loads} ("load", loaded) values (?, ?)`, [key, at])),
    close: () => connection.end(),
  }
}
