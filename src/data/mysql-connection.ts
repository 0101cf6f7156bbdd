import { createConnection, type Connection } from 'mysql2'

/**
 * A connection to MariaDB or MySQL that speaks as other databases do: names in double quotes, instants in UTC, and values
 * that do not fit are refused.
 */
export async function connectMysql(database: string): Promise<Connection> {
  const connection = createConnection({
    uri: database.replace(/^mariadb:/, 'mysql:'),
    connectTimeout: 10_000,
    charset: 'utf8mb4_unicode_ci',
  })
  await connection
    .promise()
    .query(`set session sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ZERO_DATE', time_zone = '+00:00'`)
  return connection
}
