import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { openPool } from './postgres-pool.ts'

const url = process.env['TRAINYARD_TEST_POSTGRES'] // oxlint-disable-line node/no-process-env -- where a test server is, is a fact of the machine

test(
  'a connection that breaks in the middle of a statement is the error of that statement, and ends no process',
  { skip: url === undefined && 'TRAINYARD_TEST_POSTGRES names no PostgreSQL.' },
  async t => {
    const { port, hostname } = new URL(url!)
    const sockets = new Set<Socket>()
    const between = createServer(near => {
      const far = connect(Number(port || 5432), hostname)
      near.pipe(far).pipe(near)
      for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    t.after(() => between.close())
    const through = new URL(url!)
    through.host = `127.0.0.1:${(between.address() as AddressInfo).port}`
    const pool = openPool(String(through), 10)
    t.after(() => pool.end())

    const client = await pool.connect()
    const asked = assert.rejects(client.query('select pg_sleep(20)'), /Connection terminated unexpectedly/)
    while ((await sleepers(url!)) === 0) await new Promise(resolve => setTimeout(resolve, 20))
    for (const socket of sockets) socket.destroy()
    await asked
    client.release(true)

    assert.deepEqual((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  },
)

async function sleepers(database: string): Promise<number> {
  const pool = openPool(database, 10)
  const { rows } = await pool.query<{ n: number }>(
    `select count(*) as n from pg_stat_activity where query = 'select pg_sleep(20)'`,
  )
  await pool.end()
  return rows[0]!.n
}
