/**
 * What the database itself takes of the same points, without a server before it: rows of a table without any index, a
 * commit for each request. Who is faster writes less than a row for a point, or shares commits.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'

export interface BareWrites {
  /** Of requests with `batch` points, one after the other. */
  readonly pointsPerSecond: number
  /** Of requests with one point: on PostgreSQL from 8 connections. */
  readonly singlesPerSecond: number
}

interface Load {
  readonly batch: number
  readonly seconds: number
}

const table = `bare_point (run bigint, key bigint, timestamp bigint, step bigint, value double precision)`
const connections = 8

export const bareWrites = (database: string, load: Load): Promise<BareWrites> =>
  database.startsWith('postgres') ? onPostgres(database, load) : onSqlite(`${database}.bare`, load)

async function onPostgres(connectionString: string, { batch, seconds }: Load): Promise<BareWrites> {
  const clients = Array.from({ length: connections }, () => new Client({ connectionString }))
  await Promise.all(clients.map(client => client.connect()))
  await clients[0]!.query(`create table ${table}`)
  const insert = (count: number): ((index: number) => Promise<unknown>) => {
    const name = `bare ${count}`
    const text = `insert into bare_point select 1, i % 10, $1::bigint + i, $1::bigint + i, ($1::bigint * 31 + i) / 7.0
      from generate_series(1, ${count}) as i`
    return index => clients[index % connections]!.query({ name, text, values: [index * count] })
  }
  const [many, one] = [insert(batch), insert(1)]
  const batches = await perSecond(seconds, 1, index => many(index * connections))
  const singles = await perSecond(seconds, connections, one)
  await Promise.all(clients.map(client => client.end()))
  return { pointsPerSecond: batches * batch, singlesPerSecond: singles }
}

async function onSqlite(file: string, { batch, seconds }: Load): Promise<BareWrites> {
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode = wal; pragma synchronous = full; create table ${table}`)
  const insert = database.prepare('insert into bare_point values (1, ?, ?, ?, ?)')
  const write = (count: number) => async (index: number) => {
    database.exec('begin')
    for (let i = index * count; i < (index + 1) * count; i++) insert.run(i % 10, i, i, i / 7)
    database.exec('commit')
  }
  const batches = await perSecond(seconds, 1, write(batch))
  const singles = await perSecond(seconds, 1, write(1))
  database.close()
  return { pointsPerSecond: batches * batch, singlesPerSecond: singles }
}

/** Writers one beside the other; `index` is a multiple of the writers plus the writer's own number. */
async function perSecond(
  seconds: number,
  writers: number,
  write: (index: number) => Promise<unknown>,
): Promise<number> {
  let [written, isOver] = [0, false]
  const one = async (writer: number): Promise<void> => {
    for (let index = writer; !isOver; index += writers) {
      await write(index)
      written++
      if (written % 100 === 0) await sleep(0)
    }
  }
  const begun = performance.now()
  const over = sleep(seconds * 1_000).then(() => (isOver = true))
  await Promise.all(Array.from({ length: writers }, (_, writer) => one(writer)))
  await over
  return (written / (performance.now() - begun)) * 1_000
}
