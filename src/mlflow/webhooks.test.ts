import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testRegistry } from './registry-testing.ts'

interface Seen {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const event = (text: string) => {
  const [entity, action] = text.toUpperCase().split('.')
  return { entity, action }
}
const every = [
  'registered_model.created',
  'model_version.created',
  'model_version_tag.set',
  'model_version_tag.deleted',
  'model_version_alias.created',
  'model_version_alias.deleted',
  'prompt.created',
  'prompt_version.created',
  'prompt_tag.set',
  'prompt_tag.deleted',
  'prompt_version_tag.set',
  'prompt_version_tag.deleted',
  'prompt_alias.created',
  'prompt_alias.deleted',
]

async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await look()) return
    await sleep(10)
  }
  throw new Error('it did not happen')
}

/** A registry that delivers, and a receiver that answers `answers`, the last of them again and again. */
async function open(t: TestContext, answers: readonly (readonly [number, Record<string, string>?])[] = [[200]]) {
  const seen: Seen[] = []
  const server = createServer(async (request, reply) => {
    const [status, headers = {}] = answers[Math.min(seen.length, answers.length - 1)]!
    const body = Buffer.concat(await request.toArray()).toString()
    seen.push({ headers: request.headers, body })
    reply.writeHead(status, headers).end('heard')
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const bench = await testRegistry(t)
  bench.outbox.start()
  bench.courier.start()
  t.after(async () => {
    await bench.outbox.stop()
    await bench.courier.stop()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const hook = async (events: readonly string[], more: object = {}): Promise<string> =>
    (await bench.call('POST webhooks', { name: 'one', url, events: events.map(event), ...more })).webhook.webhook_id
  const native = async (method: 'GET' | 'POST', path: string) => {
    const reply = await bench.app.inject({ method, url: `/api/v1/projects/default/webhooks${path}` })
    return { status: reply.statusCode, ...reply.json() }
  }
  return { ...bench, seen, url, hook, native }
}

test('a webhook is made, read, changed, listed and deleted as on an MLflow server, and never shows its secret', async t => {
  const { call, url } = await open(t)
  const draft = { name: 'one', url, events: [event('model_version.created')], description: 'why', secret: 's' }

  const { webhook } = await call('POST webhooks', draft)
  const { webhook_id } = webhook
  const shown = {
    webhook_id,
    name: 'one',
    description: 'why',
    url,
    events: draft.events,
    status: 'ACTIVE',
    creation_timestamp: 1_000,
    last_updated_timestamp: 1_000,
  }
  assert.deepEqual(webhook, shown)
  assert.match(webhook_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.deepEqual(await call(`GET webhooks/${webhook_id}`), { webhook: shown })
  const changed = await call(`PATCH webhooks/${webhook_id}`, { name: 'two', status: 'DISABLED', secret: 't' })
  assert.deepEqual(changed, { webhook: { ...shown, name: 'two', status: 'DISABLED' } })
  assert.deepEqual(await call('GET webhooks', { max_results: 1 }), { webhooks: [changed.webhook] })
  await call(`DELETE webhooks/${webhook_id}`)
  for (const line of [
    `GET webhooks/${webhook_id}`,
    `DELETE webhooks/${webhook_id}`,
    `POST webhooks/${webhook_id}/test`,
  ])
    assert.match(await call(line), /^404 RESOURCE_DOES_NOT_EXIST/)
  assert.deepEqual(await call('GET webhooks'), {})
  for (const wrong of [
    { name: '-a' },
    { name: 'a'.repeat(64) },
    { name: '' },
    { url: 'hook' },
    { url: 'ftp://127.0.0.1' },
    { events: [] },
    { events: [event('registered_model.deleted')] },
    { status: 'AWAY' },
  ])
    assert.match(await call('POST webhooks', { ...draft, ...wrong }), /^400 INVALID_PARAMETER_VALUE/)
})

test('every kind of event is told once, signed, in the order in which it happened', async t => {
  const { call, hook, seen } = await open(t)
  await hook(every, { secret: 'shared' })
  const tag = { key: 'k', value: 'v' }
  const prompt = { key: 'mlflow.prompt.is_prompt', value: 'true' }

  await call('POST registered-models/create', { name: 'iris', description: 'd', tags: [tag] })
  await call('POST model-versions/create', { name: 'iris', source: 's3://b/m', run_id: 'r1' })
  await call('POST model-versions/set-tag', { name: 'iris', version: '1', ...tag })
  await call('DELETE model-versions/delete-tag', { name: 'iris', version: '1', key: 'k' })
  await call('POST registered-models/set-tag', { name: 'iris', ...tag })
  await call('POST registered-models/alias', { name: 'iris', alias: 'a', version: '1' })
  await call('DELETE registered-models/alias', { name: 'iris', alias: 'a' })
  await call('POST registered-models/create', { name: 'p', tags: [prompt, tag] })
  await call('POST model-versions/create', {
    name: 'p',
    source: 'dummy-source',
    tags: [prompt, tag, { key: 'mlflow.prompt.text', value: 'Hi {{name}}' }],
  })
  await call('POST registered-models/set-tag', { name: 'p', ...tag })
  await call('DELETE registered-models/delete-tag', { name: 'p', key: 'k' })
  await call('POST model-versions/set-tag', { name: 'p', version: '1', ...tag })
  await call('DELETE model-versions/delete-tag', { name: 'p', version: '1', key: 'k' })
  await call('POST registered-models/alias', { name: 'p', alias: 'a', version: '1' })
  await call('DELETE registered-models/alias', { name: 'p', alias: 'a' })
  await until(() => seen.length >= 14)

  const told = seen
    .map(({ body }) => JSON.parse(body))
    .map(({ entity, action, data }) => [`${entity}.${action}`, data])
    .toSorted(([a], [b]) => every.indexOf(a) - every.indexOf(b))
  assert.deepEqual(told, [
    ['registered_model.created', { name: 'iris', tags: { k: 'v' }, description: 'd' }],
    [
      'model_version.created',
      { name: 'iris', version: '1', source: 's3://b/m', run_id: 'r1', tags: {}, description: '' },
    ],
    ['model_version_tag.set', { name: 'iris', version: '1', key: 'k', value: 'v' }],
    ['model_version_tag.deleted', { name: 'iris', version: '1', key: 'k' }],
    ['model_version_alias.created', { name: 'iris', alias: 'a', version: '1' }],
    ['model_version_alias.deleted', { name: 'iris', alias: 'a' }],
    ['prompt.created', { name: 'p', tags: { k: 'v' }, description: '' }],
    ['prompt_version.created', { name: 'p', version: '1', template: 'Hi {{name}}', tags: { k: 'v' }, description: '' }],
    ['prompt_tag.set', { name: 'p', key: 'k', value: 'v' }],
    ['prompt_tag.deleted', { name: 'p', key: 'k' }],
    ['prompt_version_tag.set', { name: 'p', version: '1', key: 'k', value: 'v' }],
    ['prompt_version_tag.deleted', { name: 'p', version: '1', key: 'k' }],
    ['prompt_alias.created', { name: 'p', alias: 'a', version: '1' }],
    ['prompt_alias.deleted', { name: 'p', alias: 'a' }],
  ])
  for (const { headers, body } of seen) {
    const said = `${String(headers['x-mlflow-delivery-id'])}.${String(headers['x-mlflow-timestamp'])}.${body}`
    const expected = `v1,${createHmac('sha256', 'shared').update(said).digest('base64')}`
    assert.equal(headers['x-mlflow-signature'], expected)
    assert.match(JSON.parse(body).timestamp, /^1970-01-01T00:00:01.000Z$/)
  }
})

test('a receiver that is busy is asked again when it says, and after three retries no more', async t => {
  const { call, clock, courier, hook, native, seen } = await open(t, [
    [503, { 'retry-after': '120' }],
    [500],
    [429],
    [502],
  ])
  const id = await hook(['registered_model.created'])
  await call('POST registered-models/create', { name: 'iris' })
  const delivery = async () => (await native('GET', `/${id}/deliveries`)).items[0]
  const waits: number[] = []

  for (const status of [503, 500, 429]) {
    await until(async () => (await delivery())?.status === status)
    waits.push((await delivery()).nextAt - clock.now())
    clock.advance(waits.at(-1)!)
    courier.wake()
  }
  await until(async () => (await delivery()).state === 'failed')

  const { status, answer, error, attempts } = await delivery()
  assert.deepEqual(
    [waits, seen.length, status, answer, error, attempts],
    [[120_000, 2_000, 4_000], 4, 502, 'heard', 'The receiver answered 502.', 4],
  )
  assert.deepEqual(new Set(seen.map(({ headers }) => headers['x-mlflow-delivery-id'])).size, 1)
})

test('a delivery that failed is on record and is told again on request, under an id of its own', async t => {
  const { call, hook, native, seen } = await open(t, [[400], [200]])
  const id = await hook(['registered_model.created'])
  await call('POST registered-models/create', { name: 'iris' })
  await until(async () => (await native('GET', `/${id}/deliveries`)).items[0]?.state === 'failed')
  const [failed] = (await native('GET', `/${id}/deliveries`)).items

  const replay = await native('POST', `/${id}/deliveries/${failed.id}/replay`)
  await until(async () => (await native('GET', `/${id}/deliveries`)).items[0].state === 'delivered')

  assert.deepEqual([replay.status, replay.replayOf, seen.length], [201, failed.id, 2])
  assert.equal(seen[1]!.body, seen[0]!.body)
  assert.notEqual(seen[1]!.headers['x-mlflow-delivery-id'], seen[0]!.headers['x-mlflow-delivery-id'])
  assert.equal((await native('POST', `/${id}/deliveries/unknown/replay`)).status, 404)
})

test('a test call tells an example at once, and says what came of it', async t => {
  const { call, hook, seen } = await open(t, [[200], [500]])
  const id = await hook(['model_version_alias.created'])

  const good = await call(`POST webhooks/${id}/test`, { event: event('prompt.created') })
  const bad = await call(`POST webhooks/${id}/test`)

  assert.deepEqual(
    [good, bad],
    [
      { result: { success: true, response_status: 200, response_body: 'heard' } },
      { result: { success: false, response_status: 500, response_body: 'heard' } },
    ],
  )
  assert.deepEqual(
    seen.map(({ body }) => JSON.parse(body).entity),
    ['prompt', 'model_version_alias'],
  )
})

test('who is disabled, of another project or asked for something else is not told', async t => {
  const { call, hook, native, outbox, seen } = await open(t)
  const id = await hook(['registered_model.created'], { status: 'DISABLED' })
  await hook(['prompt.created'])
  await hook(['model_version.created'])

  await call('POST registered-models/create', { name: 'iris' })
  await call('POST registered-models/create', { name: 'rain.umbrella' })
  await call('POST model-versions/create', { name: 'rain.umbrella', source: 's3://b/m' })
  await outbox.settled()
  await sleep(50)

  assert.deepEqual([seen, (await native('GET', `/${id}/deliveries`)).items], [[], []])
})
