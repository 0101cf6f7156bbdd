import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../../src/cli/client.ts'
import { startServer } from '../server.ts'
import { rain } from '../../src/project/example.ts'
import { dataFolder } from '../testing.ts'

/** A receiver of posts on this machine, who takes everything. Answers its address. */
async function receiver(t: TestContext, hear: (headers: IncomingHttpHeaders, body: string) => void): Promise<string> {
  const server = createServer(async (request, reply) => {
    hear(request.headers, Buffer.concat(await request.toArray()).toString())
    reply.end('heard')
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
}

test(
  'a server that is killed between sending and noting it sends again, under the same id',
  { timeout: 400_000 },
  async t => {
    const seen: string[] = []
    const url = await receiver(t, headers => void seen.push(String(headers['x-mlflow-delivery-id'])))
    let stop = async (): Promise<void> => {}
    const data = await dataFolder(t, () => stop())
    const env = { TRAINYARD_WEBHOOK_TARGETS: 'any' }

    const first = await startServer({ data, env: { ...env, TRAINYARD_CRASHPOINT: 'outbound.sent' } })
    stop = first.stop
    const mlflow = createClient({ server: `${first.url}/api/2.0/mlflow` })
    const events = [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }]
    await mlflow.send('POST', '/webhooks', { name: 'one', url, events, secret: 'hunter2' })
    // The answer and the end of the server are on their way at the same time.
    await mlflow.send('POST', '/registered-models/create', { name: 'iris' }).catch(() => {})
    await first.ended
    const tables = new DatabaseSync(join(data, 'trainyard.db'))
    const { secret, sealed } = tables.prepare('select secret, sealed from registry_webhook').get()!
    const { state, id } = tables.prepare('select state, id from outbound_delivery').get()!
    // What was taken is nobody else's for a minute: it has passed.
    tables.exec('update outbound_delivery set next_at = 0')
    tables.close()

    const second = await startServer({ data, env })
    stop = second.stop
    while (seen.length < 2) await sleep(20)
    const webhook = (await createClient({ server: second.url }).get<{ items: { id: string }[] }>(
      '/api/v1/projects/default/webhooks',
    ))!.items[0]!
    const path = `/api/v1/projects/default/webhooks/${webhook.id}/deliveries`
    const ended = async () =>
      (await createClient({ server: second.url }).get<{ items: { state: string; attempts: number }[] }>(path)).items
    while ((await ended())[0]?.state !== 'delivered') await sleep(20)

    assert.deepEqual([state, secret, String(sealed).startsWith('v1.')], ['waiting', null, true])
    assert.deepEqual(seen, [id, id])
    assert.deepEqual(
      (await ended()).map(one => [one.state, one.attempts]),
      [['delivered', 2]],
    )
  },
)

test(
  'a message is lost nowhere between its event and its receiver, and comes twice only under one id',
  { timeout: 400_000 },
  async t => {
    const seen: string[] = []
    const url = await receiver(t, (headers, body) => {
      seen.push(`${(JSON.parse(body) as { type: string }).type} ${String(headers['webhook-id'])}`)
    })
    let stop = async (): Promise<void> => {}
    const data = await dataFolder(t, () => stop())
    const start = async (point?: string) => {
      const env = { TRAINYARD_NOTIFY_WEBHOOK: url, ...(point && { TRAINYARD_CRASHPOINT: point }) }
      const server = await startServer({ data, env })
      stop = server.stop
      return server
    }
    const rows = () => {
      const tables = new DatabaseSync(join(data, 'trainyard.db'))
      const found = tables.prepare('select id, state, attempts from outbound_delivery').all()
      // What was taken is nobody else's for a minute: it has passed.
      tables.exec('update outbound_delivery set next_at = 0 where next_at is not null')
      tables.close()
      return found.map(row => ({ ...row }))
    }

    const first = await start('notifications.written')
    const client = createClient({ server: first.url })
    const pipelines = { ...rain().pipelines, fails: { tasks: { one: { run: 'echo no; exit 3' } } } }
    const spec = { ...rain(), name: 'told', deployments: {}, monitors: {}, pipelines }
    await client.send('PUT', '/api/v1/projects/told', { spec })
    await client.send('POST', '/api/v1/projects/told/runs', { pipeline: 'fails' }).catch(() => {})
    await first.ended
    const [written, ...others] = rows()
    const unsent = [...seen]
    // It may be gone before it was seen.
    await start('outbound.sent').then(
      ({ ended }) => ended,
      () => {},
    )
    const [sent] = rows()
    const third = await start()
    const list = async () =>
      (
        await createClient({ server: third.url }).get<{ items: { id: string; state: string; why?: string }[] }>(
          '/api/v1/projects/told/notifications',
        )
      ).items
    while ((await list())[0]?.state !== 'delivered') await sleep(20)

    const { id } = written!
    assert.deepEqual([others, unsent], [[], []])
    assert.deepEqual(
      [written, sent],
      [
        { id, state: 'waiting', attempts: 0 },
        { id, state: 'waiting', attempts: 1 },
      ],
    )
    assert.deepEqual(seen, [`run.failed ${String(id)}`, `run.failed ${String(id)}`])
    assert.equal((await list()).length, 1)
  },
)
