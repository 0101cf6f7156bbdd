import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import type { ServingKey } from './keys-file.ts'
import { readJsonFile, rotatePath, ServerFile, serverFile, statusPath } from './routes-file.ts'
import { call } from './server-process.ts'
import { inputs, makeBundle, openBench, type Bench } from './testing.ts'

const keyOf = (secret: string, key: Partial<ServingKey>): ServingKey => ({
  hash: digestOf(secret),
  name: secret,
  reads: [],
  asks: [],
  ...key,
})
const bearer = (secret: string): Record<string, string> =>
  secret === 'nobody' ? {} : { authorization: `Bearer ${secret}` }
const basic = (secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`any:${secret}`).toString('base64')}`,
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not happen in time.')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const asked = async ({ infer }: Bench, headers: Record<string, string>): Promise<number> =>
  (await infer(inputs([1, 0]), { headers })).status

test('beyond loopback the model server answers whom it knows, what they may, and health to all', async t => {
  const given = [
    keyOf('viewer', { reads: ['rain'] }),
    keyOf('editor', { reads: ['rain'], asks: ['rain'] }),
    keyOf('shop', { asks: ['rain'], deployments: ['rain'] }),
    keyOf('elsewhere', { reads: ['snow'], asks: ['snow'] }),
    keyOf('otherkey', { asks: 'all', deployments: ['hail'] }),
    keyOf('former', { reads: 'all', asks: 'all', expiresAt: 1 }),
    keyOf('watcher', { reads: 'all' }),
  ]
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => given })
  await bench.deploy(await makeBundle(bench.blobs))
  const paths = ['/v2/health/ready', '/v2', '/v2/models/rain', '/v2/models/rain/ready', '/metrics', statusPath]
  const table: Record<string, number[]> = {}
  for (const who of ['nobody', 'stranger', ...given.map(({ name }) => name)]) {
    const gets = await Promise.all(paths.map(async path => (await bench.get(path, bearer(who))).status))
    table[who] = [await asked(bench, bearer(who)), ...gets]
  }

  assert.deepEqual(table, {
    nobody: [401, 200, 401, 401, 401, 401, 401],
    stranger: [401, 200, 401, 401, 401, 401, 401],
    viewer: [403, 200, 200, 200, 200, 403, 404],
    editor: [200, 200, 200, 200, 200, 403, 404],
    shop: [200, 200, 200, 200, 200, 403, 404],
    elsewhere: [404, 200, 200, 404, 404, 403, 404],
    otherkey: [404, 200, 200, 404, 404, 403, 404],
    former: [401, 200, 401, 401, 401, 401, 401],
    watcher: [403, 200, 200, 200, 200, 200, 404],
  })
  // Who may ask is told that this model streams nothing.
  const texts = (who: string) =>
    Promise.all(
      ['generate', 'generate_stream'].map(
        async verb => (await bench.infer({}, { path: verb, headers: bearer(who) })).status,
      ),
    )
  assert.deepEqual(await Promise.all(['nobody', 'viewer', 'shop', 'elsewhere'].map(texts)), [
    [401, 401],
    [403, 403],
    [400, 400],
    [404, 404],
  ])
  assert.equal(await asked(bench, basic('shop')), 200)
  const failures = async (who: string) => {
    const { status, text } = await bench.get('/admin/debug/requests', bearer(who))
    const { failed = [] } = JSON.parse(text) as { failed?: { deployment?: string }[] }
    return [status, failed.some(({ deployment }) => deployment === 'rain')]
  }
  await bench.infer('{}', { headers: bearer('editor') })
  assert.deepEqual(
    [await failures('editor'), await failures('viewer'), await failures('shop'), await failures('stranger')],
    [
      [200, true],
      [200, false],
      [200, false],
      [401, false],
    ],
  )
  assert.deepEqual(
    await bench.at('snow').infer(inputs([1, 0]), { headers: { ...bearer('editor'), 'x-request-id': 'mine' } }),
    {
      status: 404,
      body: { error: 'There is no deployment "snow".', code: 'not_found', request_id: 'mine' },
    },
  )
  assert.deepEqual(JSON.parse((await bench.get('/metrics', { ...bearer('stranger'), 'x-request-id': 'mine' })).text), {
    error: 'The token is unknown or has expired. A password is not taken here.',
    code: 'unauthorized',
    request_id: 'mine',
  })
  assert.match(
    (await bench.infer('{}', { headers: bearer('viewer') })).body.error!,
    /^viewer may not ask rain: it takes the role editor in rain, or a token for this deployment\.$/,
  )
  assert.deepEqual(JSON.parse((await bench.get('/v2/models', bearer('elsewhere'))).text), { models: [] })
  assert.deepEqual(bench.warnings, [])
})

test('a request that is answered later is taken from, and its answer given to, who may ask the deployment', async t => {
  const given = [
    keyOf('viewer', { reads: ['rain'] }),
    keyOf('editor', { reads: ['rain'], asks: ['rain'] }),
    keyOf('elsewhere', { reads: ['snow'], asks: ['snow'] }),
  ]
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => given })
  await bench.declare({ async: { deadline: '1m', waiting: 9, keep: '1h' } })
  await bench.deploy(await makeBundle(bench.blobs))
  const later = async (who: string) =>
    (await bench.infer(inputs([1, 0]), { headers: { ...bearer(who), prefer: 'respond-async' } })) as unknown as {
      status: number
      body: { location: string }
    }
  await until(async () => (await later('editor')).status === 202)
  const { location } = (await later('editor')).body
  await until(async () => (await bench.get(location, bearer('editor'))).status === 200)

  const table: Record<string, number[]> = {}
  for (const who of ['nobody', 'viewer', 'editor', 'elsewhere'])
    table[who] = [(await later(who)).status, (await bench.get(location, bearer(who))).status]
  assert.deepEqual(table, { nobody: [401, 401], viewer: [403, 403], editor: [202, 200], elsewhere: [404, 404] })
})

test('the address of a deployment is one that a client can ask, also when the server listens on all', async t => {
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => [keyOf('one', { asks: 'all' })] })
  await bench.deploy(await makeBundle(bench.blobs))

  const { url } = (await bench.serving.deployments('rain'))[0]!

  assert.doesNotMatch(url, /0\.0\.0\.0/)
  const answer = await fetch(`${url}/infer`, {
    method: 'POST',
    body: JSON.stringify(inputs([0, 0])),
    headers: bearer('one'),
  })
  assert.equal(answer.status, 200)
})

test('a revoked key is refused within a moment; without the control plane the others go on', async t => {
  let given = [keyOf('one', { asks: 'all' }), keyOf('two', { asks: 'all' })]
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => given })
  const { serving, blobs, folder } = bench
  await bench.deploy(await makeBundle(blobs))
  assert.deepEqual([await asked(bench, bearer('one')), await asked(bench, bearer('two'))], [200, 200])

  given = given.slice(1)
  serving.keysChanged()
  await until(async () => (await asked(bench, bearer('one'))) === 401)
  await serving.stop()

  assert.deepEqual([await asked(bench, bearer('one')), await asked(bench, bearer('two'))], [401, 200])
  for (const file of ['keys.json', 'server.json'])
    assert.equal((await stat(join(folder, 'serving', file))).mode & 0o777, 0o600)
})

test('a change by another process on the same database counts within seconds', async t => {
  let given = [keyOf('one', { asks: 'all' })]
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => given })
  await bench.deploy(await makeBundle(bench.blobs))

  given = []

  await until(async () => (await asked(bench, bearer('one'))) === 401)
})

test('on loopback the person at the machine needs no token, a web page gets in nowhere', async t => {
  const bench = await openBench(t, { keys: async () => [keyOf('viewer', { reads: 'all' })] })
  const { serving, folder } = bench
  await bench.deploy(await makeBundle(bench.blobs))
  const { host } = new URL(serving.url())

  const statuses = {
    nobody: await asked(bench, {}),
    'own page': await asked(bench, { origin: `http://${host}` }),
    'another page': await asked(bench, { origin: 'http://evil.example', 'content-type': 'text/plain' }),
    'a file': await asked(bench, { origin: 'null' }),
    'another site': await asked(bench, { 'sec-fetch-site': 'cross-site' }),
    rebinding: (await bench.get('/metrics', { host: `evil.example:${host.split(':')[1]}` })).status,
    'rebinding of health': (await bench.get('/healthz', { host: 'evil.example' })).status,
    // Who says who they are may what they may.
    viewer: await asked(bench, bearer('viewer')),
    stranger: await asked(bench, bearer('stranger')),
  }

  assert.deepEqual(statuses, {
    nobody: 200,
    'own page': 200,
    'another page': 403,
    'a file': 403,
    'another site': 403,
    rebinding: 403,
    'rebinding of health': 403,
    viewer: 403,
    stranger: 401,
  })
  const server = (await readJsonFile(serverFile(join(folder, 'serving')), ServerFile))!
  const rotate = { method: 'POST', path: rotatePath, timeoutMs: 60_000 } as const
  assert.equal((await call(server, rotate)).status, 404)
  assert.equal((await call(server, { ...rotate, headers: bearer(server.secret) })).status, 200)
})

test('who is not known sends no body', async t => {
  const bench = await openBench(t, { host: '0.0.0.0' })

  // The connection ends while the client still sends: that is an answer too.
  const status = await asked(bench, {}).catch(() => 401)
  const large = await bench.infer(Buffer.alloc(1024 * 1024), {}).then(
    answer => answer.status,
    () => 401,
  )

  assert.deepEqual([status, large], [401, 401])
})
