import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { accessLogFile } from './routes-file.ts'
import { fileHooks, inputs, makeBundle, openBench, windModel, type Bench } from './testing.ts'

// One model server for all tests of this file: its own, because it tells of requests, takes its time to end, and is ended.
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

const opening = openBench(hooks, {
  times: { drainMs: 400 },
  telling: { accessLog: 'file', otlpUrl: collector.url, traceShare: 0 },
})
const at = async (deployment: string): Promise<Bench> => (await opening).at(deployment)

/** Asks with headers of its own, and looks at those of the answer. */
async function asked({ serving }: Bench, deployment: string, headers: Record<string, string> = {}, body = {}) {
  const answer = await fetch(`${serving.url()}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...inputs([0, 0]), ...body }),
  })
  const { error, code } = (await answer.json()) as { error?: string; code?: string }
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), code, error }
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
    code: 'rate_limited',
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
  const late = (ms: number) => ({
    status: 504,
    retryAfter: null,
    code: 'deadline_exceeded',
    error: `There was no answer within ${ms} ms.`,
  })

  assert.equal((await asked(bench, 'hurried')).status, 200)
  assert.deepEqual(await asked(bench, 'hurried', { 'x-request-timeout-ms': '40' }), late(40))
  assert.deepEqual(await asked(bench, 'hurried', {}, { parameters: { timeout: 30_500 } }), late(30.5))
  await bench.declare({ limits: { deadline: '20ms' } })
  assert.deepEqual(await asked(bench, 'hurried', { 'x-envoy-expected-rq-timeout-ms': '15000' }), late(20))
  assert.deepEqual(
    [
      (await asked(bench, 'hurried', { 'x-request-timeout-ms': 'soon' })).error,
      (await asked(bench, 'hurried', {}, { parameters: { timeout: -1 } })).error,
      (await asked(bench, 'hurried', { 'x-trainyard-priority': 'low' })).error,
    ],
    [
      'Header x-request-timeout-ms: "soon" is not a number of milliseconds.',
      'Parameter timeout: -1 is not a number of microseconds.',
      'Header x-trainyard-priority: "low"; there is interactive and batch.',
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

test('who is sticky meets one revision, by a header or by the entity of the request, and the others are divided', async () => {
  const { deploy, blobs, declare, infer } = await at('sticky')
  await deploy(await makeBundle(blobs))
  await deploy(await makeBundle(blobs, { model: { ...windModel, intercept: 1 } }), 50)
  const met = async (unit: (index: number) => { entity?: string; headers?: Record<string, string> }) => {
    const versions = []
    for (let i = 0; i < 24; i++) {
      const { entity, headers = {} } = unit(i)
      const { body } = await infer({ ...inputs([0, 0]), ...(entity && { parameters: { entity } }) }, { headers })
      versions.push(body.model_version)
    }
    return new Set(versions).size
  }

  await declare({ sticky: { header: 'x-user' } })
  assert.deepEqual(
    [
      await met(() => ({ headers: { 'x-user': 'ada' } })),
      await met(i => ({ headers: { 'x-user': `user ${i}` } })),
      await met(() => ({})),
    ],
    [1, 2, 2],
  )
  await declare({ sticky: 'entity' })
  assert.deepEqual(
    [await met(() => ({ entity: 'Seattle' })), await met(i => ({ entity: `city ${i}` })), await met(() => ({}))],
    [1, 2, 2],
  )
})

test('one request in so many is written down, without what is left out, and counts for all; every failure is', async () => {
  const bench = await at('sampled')
  const code = `export const postprocess = ({ probability }) => { if (probability[0] > 0.9) throw new Error('too sure'); return {} }`
  await bench.deploy(await makeBundle(bench.blobs, { code }))
  await bench.declare({ log: { oneIn: 4, leaveOut: ['rain'], redact: ['wind'] } })

  for (let i = 0; i < 120; i++) await bench.infer(inputs([i % 2, 0]))
  for (let i = 0; i < 12; i++) assert.equal((await bench.infer(inputs([9, 0]))).status, 500)
  await bench.serving.collect()

  const { items } = await bench.serving.predictions({ deployment: 'sampled', limit: 500 })
  const [failed, answered] = [items.filter(({ error }) => error), items.filter(({ error }) => !error)]
  // Four standard deviations of a binomial count.
  assert.ok(Math.abs(answered.length - 30) < 4 * Math.sqrt(120 * 0.25 * 0.75), String(answered.length))
  assert.equal(failed.length, 12)
  assert.ok(answered.every(({ inclusion, drawn }) => inclusion === 0.25 && drawn === undefined))
  assert.ok(failed.some(({ drawn }) => drawn === false))
  const winds = new Set(answered.map(({ features }) => features['wind']))
  assert.deepEqual([winds.size, Object.keys(answered[0]!.features)], [2, ['wind']])
  assert.ok([...winds].every(wind => /^[\w-]{22}$/.test(String(wind))))
  const [revision] = (await bench.serving.deployment('sampled')).revisions
  assert.deepEqual([revision!.requests, revision!.errors], [4 * answered.length + 12, 12])
})

test('a shadow answers copies, is compared with who answered, and reaches nobody', async () => {
  const bench = await at('mirrored')
  const live = await bench.deploy(await makeBundle(bench.blobs))
  const shifted = await makeBundle(bench.blobs, { model: { ...windModel, intercept: 1 } })
  const shadow = await bench.deploy(shifted, 10, { shadow: 100 })
  assert.deepEqual([shadow.state, shadow.weight, shadow.shadow], ['shadow', 0, 100])

  const answers = []
  for (let i = 0; i < 8; i++) answers.push(await bench.infer(inputs([i < 4 ? -0.5 : 3, 0])))
  assert.deepEqual(new Set(answers.map(({ body }) => body.parameters.revision)), new Set([live.id]))

  const compared = async () => {
    await bench.serving.collect()
    return (await bench.serving.deployment('mirrored')).shadows
  }
  let [found] = await compared()
  for (let waited = 0; (found?.rows ?? 0) < 8 && waited < 5_000; waited += 100) {
    await new Promise(resolve => setTimeout(resolve, 100))
    ;[found] = await compared()
  }
  const { differenceMean, differenceMax, scorePsi, scorePsiByChance, latencyP50Ms, againstP50Ms, ...counts } = found!
  assert.deepEqual(counts, {
    revision: shadow.id,
    against: live.id,
    rows: 8,
    agreed: 4,
    errors: 0,
    dropped: 0,
    latencyP95Ms: counts.latencyP95Ms,
    againstP95Ms: counts.againstP95Ms,
  })
  assert.ok(0 < differenceMean && differenceMean < differenceMax && differenceMax < 0.3)
  // In two bins of four rows each the shadow has none and eight; chance makes as much of so few.
  assert.deepEqual([scorePsi!.toFixed(3), scorePsiByChance!.toFixed(3)], ['1.259', '1.659'])
  assert.ok(latencyP50Ms! > 0 && againstP50Ms! > 0)
  const { items } = await bench.serving.predictions({ deployment: 'mirrored', limit: 20 })
  assert.deepEqual([items.length, new Set(items.map(({ revision }) => revision))], [8, new Set([live.id])])

  const because = { actor: 'ada', reason: 'seen enough' }
  await bench.serving.startCanary('mirrored', { revision: shadow.id, weight: 30, ...because })
  const { revisions } = await bench.serving.deployment('mirrored')
  assert.deepEqual(
    revisions.map(({ state, weight, shadow: copies }) => [state, weight, copies]),
    [
      ['canary', 30, 0],
      ['live', 70, 0],
    ],
  )
})

test('a server that is told to end says that it is not ready, answers for as long as it is told, and has told of all requests', async () => {
  const bench = await at('told')
  await bench.deploy(await makeBundle(bench.blobs))
  const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  const ask = async (id: string, flags: string) =>
    fetch(`${bench.serving.url()}/v2/models/told/infer`, {
      method: 'POST',
      headers: { 'x-request-id': id, traceparent: `00-${trace}-${span}-${flags}` },
      body: JSON.stringify(inputs([0, 0])),
    }).then(answer => answer.headers.get('x-request-id'))
  assert.deepEqual([await ask('traced', '01'), await ask('silent', '00')], ['traced', 'silent'])
  assert.match((await ask('not\u00e9 an id', '00'))!, /^[0-9a-f]{8}-[0-9a-z]+$/)
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'told', order: 'arrival', limit: 9 })
  assert.deepEqual(items.map(({ requestId }) => requestId).toReversed(), ['traced', 'silent', undefined])
  await leave(bench, 'left')
  await bench.infer('{}', { headers: { 'x-request-id': 'failed' } })
  const recent = JSON.parse((await bench.get('/admin/debug/requests')).text) as { failed: Record<string, unknown>[] }
  const failed = recent.failed.find(({ request_id: id }) => id === 'failed')!
  assert.deepEqual(
    [failed['deployment'], failed['status'], (JSON.parse(String(failed['refusal'])) as { code: string }).code],
    ['told', 400, 'invalid'],
  )

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
    'at request_id trace_id client method path protocol deployment revision rows prediction_id status ms bind_ms run_ms write_ms',
  )
  assert.deepEqual([line['trace_id'], line['client'], line['status'], line['rows']], [trace, 'local', 200, 1])
  assert.equal(line['prediction_id'], items.find(({ requestId }) => requestId === 'traced')!.id)
  assert.ok(lines.some(text => text.includes('"left"') && text.includes('"status":499')))
  const spans = Buffer.concat(collector.received)
  for (const part of [Buffer.from(trace, 'hex'), Buffer.from(span, 'hex'), 'predict told', 'bind', 'answer'])
    assert.ok(spans.includes(part), String(part))
  assert.equal(spans.toString('latin1').split('predict told').length, 2, 'only what its client traces is sent')
})

/** Begins a request, and goes away before its body is sent. */
async function leave({ serving }: Bench, id: string): Promise<void> {
  const { hostname, port } = new URL(serving.url())
  const socket = connect({ host: hostname, port: Number(port) })
  const head = `POST /v2/models/told/infer HTTP/1.1\r\nhost: localhost\r\nx-request-id: ${id}\r\ncontent-length: 99\r\n\r\n{`
  await new Promise<void>(resolve => socket.write(head, () => resolve()))
  // So that the server has read its head.
  await new Promise(resolve => setTimeout(resolve, 100))
  socket.destroy()
}
