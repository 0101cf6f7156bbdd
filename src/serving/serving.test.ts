import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { createApp } from '#http'
import { newId } from '#kernel/id.ts'
import { accessLogFile } from './routes-file.ts'
import { servingRoutes } from './routes.ts'
import { fileHooks, inputs, makeBundle, openBench, windModel, type Bench } from './testing.ts'

const hooks = fileHooks()

/** Takes what an exporter of OpenTelemetry sends. */
async function openCollector() {
  const received: Buffer[] = []
  const server = createServer(async (request, response) => {
    received.push(await buffer(request))
    response.writeHead(request.url === '/v1/traces' ? 200 : 404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  hooks.after(() => server.close())
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
const collector = await openCollector()

// One model server for all tests of this file, and a deployment for each.
let opening: Promise<Bench> | undefined
const at = async (deployment: string): Promise<Bench> =>
  (
    await (opening ??= openBench(hooks, {
      times: { drainMs: 400 },
      telling: { accessLog: 'file', otlpUrl: collector.url, traceShare: 0 },
    }))
  ).at(deployment)

test('a deployment answers with its first revision, and everything about it is on record', async () => {
  const { deploy, blobs, events, lineage, serving, infer } = await at('first')
  const bundle = await makeBundle(blobs)

  const revision = await deploy(bundle, 10)

  const { id, version } = revision
  assert.deepEqual([revision.number, revision.state, revision.weight, revision.bundle], [1, 'live', 100, bundle])
  assert.equal((await infer(inputs([0, 0]))).body.parameters.revision, id)
  assert.deepEqual(await events(), [
    ['serving.traffic_changed', { deployment: 'first', weights: { [id]: 100 }, reason: 'test' }],
    ['serving.deployed', { deployment: 'first', model: 'rain', revision: id, version, weight: 100, isFirst: true }],
  ])
  assert.deepEqual(lineage, ['bundle', 'deployment_revision', 'rev serves mdv', 'rev runs bdl', 'bdl contains mdv'])
  const { url, state } = (await serving.deployments('rain'))[0]!
  assert.deepEqual([url, state], [`${serving.url()}/v2/models/first`, 'live'])
})

test('a canary takes its share, and ends as the live revision or with no traffic at all', async () => {
  const { deploy, blobs, serving, infer } = await at('canary')
  const first = await deploy(await makeBundle(blobs))
  const canary = await deploy(await makeBundle(blobs, { model: { ...windModel, intercept: 1 } }), 50)
  const seen = new Set<string>()
  for (let i = 0; i < 40; i++) seen.add((await infer(inputs([0, 0]))).body.parameters.revision)
  assert.deepEqual(seen, new Set([first.id, canary.id]))
  const shares = async () =>
    (await serving.deployment('canary')).revisions.map(({ number, state, weight }) => [number, state, weight])

  await serving.finishCanary('canary', { revision: canary.id, outcome: 'promote', actor: 'ada', reason: 'good' })
  await serving.finishCanary('canary', { revision: canary.id, outcome: 'promote', actor: 'ada', reason: 'good' })
  assert.deepEqual(await shares(), [
    [2, 'live', 100],
    [1, 'retired', 0],
  ])
  assert.equal((await infer(inputs([0, 0]))).body.model_version, '2')

  await serving.rollback('canary', { actor: 'ada', reason: 'worse after all' })
  assert.deepEqual(await shares(), [
    [2, 'rolled_back', 0],
    [1, 'live', 100],
  ])
  assert.equal((await infer(inputs([0, 0]))).body.model_version, '1')
  const { traffic } = await serving.deployment('canary')
  assert.deepEqual(
    traffic.map(({ reason, weights }) => [reason, weights]),
    [
      ['worse after all', { [first.id]: 100 }],
      ['good', { [canary.id]: 100 }],
      ['test', { [first.id]: 50, [canary.id]: 50 }],
      ['test', { [first.id]: 100 }],
    ],
  )
})

test('a bundle that cannot be loaded changes nothing, and what answered goes on', async () => {
  const { deploy, blobs, serving, events, infer } = await at('unloadable')
  await deploy(await makeBundle(blobs))
  const before = [await serving.deployment('unloadable'), await events()]

  await assert.rejects(deploy(await makeBundle(blobs, { code: 'export const other = 1' })), {
    code: 'unavailable',
    message: /serving\/answer\.ts does not export a function named postprocess/,
  })
  await assert.rejects(deploy(await makeBundle(blobs, { code: 'export const postprocess = ' })), {
    code: 'unavailable',
  })

  assert.deepEqual([await serving.deployment('unloadable'), await events()], before)
  assert.equal((await infer(inputs([0, 0]))).status, 200)
})

test('deploying twice is deploying once, and a name belongs to one project', async () => {
  const { blobs, serving, events } = await at('twice')
  const request = {
    project: 'rain',
    deployment: 'twice',
    model: 'rain',
    version: { id: newId<'model_version'>('mdv'), version: 1 },
    bundle: await makeBundle(blobs),
    weight: 100,
    actor: 'ada',
    reason: 'test',
  }

  const [first, again] = [await serving.deploy(request), await serving.deploy(request)]

  assert.deepEqual(again, first)
  assert.equal((await events()).length, 2)
  await assert.rejects(serving.deploy({ ...request, project: 'other', version: { id: newId('mdv'), version: 1 } }), {
    code: 'conflict',
    message: 'The deployment twice belongs to the project rain.',
  })
})

test('every answered row is in the log with its features and outputs, and is found by id and by time', async () => {
  const { deploy, blobs, serving, infer, events } = await at('logged')
  const { id: revision, version } = await deploy(
    await makeBundle(blobs, {
      code: `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave') })`,
    }),
  )
  const day = Date.UTC(2015, 2, 1)
  const { body } = await infer({
    ...inputs([1, 0], [0, 1]),
    parameters: { entity: '["seattle","boston"]', event_time: '["2015-03-01","2015-03-02"]' },
  })
  const [one, two] = JSON.parse(body.parameters.prediction_id) as [string, string]

  const found = await serving.prediction(two)

  const { receivedAt, latencyMs, outputs, ...rest } = found
  assert.deepEqual(rest, {
    id: two,
    deployment: 'logged',
    revision,
    version,
    key: 'boston',
    eventTime: day + 86_400_000,
    features: { wind: 0, rain: 1 },
  })
  assert.deepEqual(outputs, { probability: body.outputs[0]!.data[1], advice: 'leave' })
  assert.deepEqual([Math.abs(receivedAt - Date.now()) < 10_000, latencyMs > 0], [true, true])
  const ids = async (query: object) =>
    (await serving.predictions({ deployment: 'logged', limit: 10, ...query })).items.map(({ id }) => id)
  assert.deepEqual(
    [await ids({}), await ids({ from: day, to: day + 1 }), await ids({ to: day })],
    [[two, one], [one], []],
  )
  assert.deepEqual((await events()).at(-1), [
    'serving.predictions_logged',
    { deployment: 'logged', count: 2, from: day, to: day + 86_400_000 },
  ])
  await assert.rejects(serving.prediction(newId('prd')), { code: 'not_found' })
})

test('what came last is listed first, whatever instant it is about', async () => {
  const { deploy, blobs, serving, infer } = await at('late')
  await deploy(await makeBundle(blobs))
  for (const [index, day] of [9, 2, 5, 1, 7].entries()) {
    await infer({ ...inputs([index, 0]), parameters: { event_time: day * 1_000 } })
    if (index % 2 === 1) await serving.collect()
  }
  await serving.collect()

  const winds: unknown[] = []
  let after: string | undefined
  do {
    const page = await serving.predictions({ deployment: 'late', order: 'arrival', limit: 2, after })
    winds.push(...page.items.map(({ features }) => features['wind']))
    after = page.next
  } while (after !== undefined)

  assert.deepEqual(winds, [4, 3, 2, 1, 0])
  const { next } = await serving.predictions({ deployment: 'late', limit: 2 })
  await assert.rejects(serving.predictions({ deployment: 'late', order: 'arrival', limit: 2, after: next }), {
    code: 'invalid',
  })
})

test('a list of predictions goes on after its cursor', async () => {
  const { deploy, blobs, serving, infer } = await at('paged')
  await deploy(await makeBundle(blobs))
  for (let day = 1; day <= 5; day++) {
    await infer({ ...inputs([day, 0]), parameters: { event_time: day * 1_000 } })
    if (day % 2 === 0) await serving.collect()
  }
  await serving.collect()

  const winds: unknown[] = []
  for (let after: string | undefined, first = true; first || after !== undefined; first = false) {
    const page = await serving.predictions({ deployment: 'paged', limit: 2, after })
    winds.push(page.items.map(({ features }) => features['wind']))
    after = page.next
  }

  assert.deepEqual(winds, [[5, 4], [3, 2], [1]])
})

test('faults of the serving code are answered, counted and written down, and the guard sees them', async () => {
  const { deploy, blobs, serving, infer } = await at('faulty')
  await deploy(await makeBundle(blobs))
  const bad = await deploy(
    await makeBundle(blobs, { code: `export const postprocess = () => { throw new Error('no umbrella') }` }),
    50,
  )

  const answers = []
  for (let i = 0; i < 24; i++) answers.push(await infer(inputs([i, 0])))
  const forced = await infer(inputs([0, 0]), { headers: { 'x-trainyard-revision': bad.id } })
  await serving.collect()

  const failed = answers.filter(({ status }) => status === 500)
  assert.equal(failed[0]!.body.error, 'Revision 2 of faulty failed: no umbrella')
  const [canary, live] = (await serving.deployment('faulty')).revisions
  assert.deepEqual(
    [canary!.requests, canary!.errors, live!.requests, live!.errors, forced.status],
    [failed.length + 1, failed.length + 1, 24 - failed.length, 0, 500],
  )
  const { verdict, requests, errors, controlRequests, reason } = await serving.guard('faulty')
  assert.deepEqual(
    [verdict, requests, errors, controlRequests, reason],
    [
      'reject',
      failed.length,
      failed.length,
      24 - failed.length,
      `The last ${failed.length} requests to the canary failed.`,
    ],
  )
  const logged = (await serving.predictions({ deployment: 'faulty', limit: 100 })).items.filter(
    ({ error }) => error !== undefined,
  )
  assert.deepEqual([logged.length, logged[0]!.error, logged[0]!.outputs], [failed.length + 1, 'no umbrella', {}])
})

test('the routes answer deployments and predictions, and change traffic', async t => {
  const { deploy, blobs, serving, infer } = await at('routed')
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  servingRoutes(app, serving)
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1${url}`, ...(payload && { payload }) })
    return [reply.statusCode, reply.json()] as const
  }
  const [one, two] = [
    await deploy(await makeBundle(blobs)),
    await deploy(await makeBundle(blobs, { model: { ...windModel, intercept: 1 } }), 10),
  ]
  const { body } = await infer(inputs([0, 0]))
  const prediction = await serving.prediction(body.parameters.prediction_id)

  assert.deepEqual(await call('GET', `/predictions/${prediction.id}`), [200, prediction])
  assert.deepEqual(await call('GET', '/deployments/routed/predictions?limit=5&from=0'), [200, { items: [prediction] }])
  assert.deepEqual(await call('GET', '/projects/rain/deployments'), [200, { items: await serving.deployments('rain') }])
  const [status, detail] = await call('POST', '/deployments/routed/traffic', {
    weights: { [one.id]: 30, [two.id]: 70 },
    reason: 'trial',
  })
  assert.deepEqual([status, detail], [200, await serving.deployment('routed')])
  assert.deepEqual(
    detail.revisions.map(({ weight }: { weight: number }) => weight),
    [70, 30],
  )
  assert.deepEqual(
    (await call('POST', '/deployments/routed/traffic', { weights: { [one.id]: 30 }, reason: 'trial' }))[0],
    422,
  )
  assert.deepEqual(
    (await call('POST', '/deployments/routed/rollback', { reason: 'enough' }))[1].revisions.map(
      ({ state }: { state: string }) => state,
    ),
    ['rolled_back', 'live'],
  )
  assert.deepEqual((await call('GET', '/deployments/snow'))[0], 404)
})

/** Asks with headers of its own, and looks at those of the answer. */
async function asked({ serving }: Bench, deployment: string, headers: Record<string, string> = {}, body = {}) {
  const answer = await fetch(`${serving.url()}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...inputs([0, 0]), ...body }),
  })
  const { error } = (await answer.json()) as { error?: string }
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), error }
}

test('a client may ask as often as the project file says, which counts at once; then it is told when to come again', async () => {
  const bench = await at('limited')
  await bench.deploy(await makeBundle(bench.blobs))
  const statuses = async () => {
    const answers = []
    for (let i = 0; i < 3; i++) answers.push(await asked(bench, 'limited'))
    return answers
  }
  assert.deepEqual(
    (await statuses()).map(({ status }) => status),
    [200, 200, 200],
  )

  await bench.declare({ limits: { clientRate: 0.5 } })

  const [, second] = await statuses()
  assert.deepEqual(second, {
    status: 429,
    retryAfter: '2',
    error: 'limited takes 0.5 requests a second from each client.',
  })
  assert.deepEqual((await bench.serving.deployment('limited')).limits, { clientRate: 0.5 })
  assert.match(
    (await bench.get('/metrics')).text,
    /trainyard_serving_shed_total\{deployment="limited",reason="rate"\} 2/,
  )
})

test('a request that takes longer than its client, or the project file, gives it ends with 504, and its prediction is logged as failed', async () => {
  const bench = await at('hurried')
  const code = `export const postprocess = () => new Promise(resolve => setTimeout(() => resolve({}), 150))`
  await bench.deploy(await makeBundle(bench.blobs, { code }))
  const late = (ms: number) => ({ status: 504, retryAfter: null, error: `There was no answer within ${ms} ms.` })

  assert.equal((await asked(bench, 'hurried')).status, 200)
  assert.deepEqual(await asked(bench, 'hurried', { 'x-request-timeout-ms': '40' }), late(40))
  assert.deepEqual(await asked(bench, 'hurried', {}, { parameters: { timeout: 30_500 } }), late(30.5))
  await bench.declare({ limits: { deadline: '20ms' } })
  assert.deepEqual(await asked(bench, 'hurried', { 'x-envoy-expected-rq-timeout-ms': '15000' }), late(20))
  assert.deepEqual(
    [
      (await asked(bench, 'hurried', { 'x-request-timeout-ms': 'soon' })).error,
      (await asked(bench, 'hurried', {}, { parameters: { timeout: -1 } })).error,
    ],
    [
      'Header x-request-timeout-ms: "soon" is not a number of milliseconds.',
      'Parameter timeout: -1 is not a number of microseconds.',
    ],
  )

  await new Promise(resolve => setTimeout(resolve, 200))
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'hurried', limit: 10 })
  assert.deepEqual(
    items.map(({ error }) => error),
    [...Array.from({ length: 3 }, () => 'The answer came when nobody waited for it any more.'), undefined],
  )
})

test('a server that is told to end says that it is not ready, answers for as long as it is told, and has told of all requests', async () => {
  const bench = await at('first')
  const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  const ask = async (id: string, flags: string) =>
    fetch(`${bench.serving.url()}/v2/models/first/infer`, {
      method: 'POST',
      headers: { 'x-request-id': id, traceparent: `00-${trace}-${span}-${flags}` },
      body: JSON.stringify(inputs([0, 0])),
    }).then(answer => answer.headers.get('x-request-id'))
  assert.deepEqual([await ask('traced', '01'), await ask('silent', '00')], ['traced', 'silent'])
  assert.match((await ask('not\u00e9 an id', '00'))!, /^[0-9a-f]{8}-[0-9a-z]+$/)

  const ended = bench.serving.stopServing()
  let ready = 200
  while (ready === 200) ({ status: ready } = await bench.get('/v2/health/ready'))
  assert.deepEqual([ready, (await bench.infer(inputs([0, 0]))).status], [503, 200])
  await ended
  await assert.rejects(bench.get('/v2/health/ready'), { code: 'ECONNREFUSED' })

  const lines = (await readFile(accessLogFile(join(bench.folder, 'serving')), 'utf8')).trim().split('\n')
  const line = JSON.parse(lines.find(text => text.includes('"traced"'))!) as Record<string, unknown>
  assert.equal(
    Object.keys(line).join(' '),
    'at request_id trace_id client method path protocol deployment revision rows status ms bind_ms run_ms write_ms',
  )
  assert.deepEqual([line['trace_id'], line['client'], line['status'], line['rows']], [trace, 'local', 200, 1])
  const spans = Buffer.concat(collector.received)
  for (const part of [Buffer.from(trace, 'hex'), Buffer.from(span, 'hex'), 'predict first', 'bind', 'answer'])
    assert.ok(spans.includes(part), String(part))
  assert.equal(spans.toString('latin1').split('predict first').length, 2, 'only what its client traces is sent')
})
