import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { signatureOf } from '#outbound'
import { fileHooks, inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'

const hooks = fileHooks()
const opening = openBench(hooks, { doors: { prefix: '/base' } })

/** Serving code that takes so many milliseconds. */
const slow = (ms: number): string =>
  `export const postprocess = async ({ probability }) => { await new Promise(done => setTimeout(done, ${ms})); return { advice: probability.map(String) } }`

const rule = { deadline: '1m', waiting: 100, keep: '1h' } as const

async function deferring(name: string, { code, more = {} }: { code?: string; more?: object } = {}): Promise<Bench> {
  const bench = (await opening).at(name)
  bench.secrets['hook.key'] = 'a key'
  await bench.deploy(await makeBundle(bench.blobs, code === undefined ? {} : { code }))
  await bench.declare({ async: { ...rule, ...more } })
  // The server hears of it within a moment.
  const first = await until(async () => {
    const { status, body } = await post(bench, `/v2/models/${name}/infer`, {})
    return status === 202 ? body : undefined
  })
  await answerAt(bench, first.location)
  return bench
}

const later = { prefer: 'wait=5, Respond-Async' }
interface Accepted {
  readonly id: string
  readonly state: string
  readonly location: string
}

async function post({ serving }: Bench, path: string, body: unknown, headers: Record<string, string> = later) {
  const response = await fetch(serving.url() + path, { method: 'POST', body: JSON.stringify(body), headers })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Accepted }
}

async function until<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise(done => setTimeout(done, 20))) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
  }
  throw new Error('It did not happen in 20 s.')
}

const answerAt = (bench: Bench, location: string) =>
  until(async () => {
    const response = await fetch(bench.serving.url() + location)
    return response.status === 202 ? undefined : { status: response.status, body: (await response.json()) as object }
  })

test('who does not want to wait gets an address, and the answer there that others get at once', async () => {
  const bench = await deferring('later')
  const accepted = await post(bench, '/v2/models/later/infer', { ...inputs([2, 1]), id: 'mine' })
  const { id, location } = accepted.body

  assert.deepEqual(
    [
      accepted.status,
      accepted.headers.get('preference-applied'),
      accepted.headers.get('location'),
      accepted.body.state,
    ],
    [202, 'respond-async', `/base/v2/models/later/requests/${id}`, 'waiting'],
  )
  const { status, body } = await answerAt(bench, location)
  const { parameters, ...answer } = body as { parameters: { prediction_id: string } }
  const { parameters: _, ...now } = (await bench.infer({ ...inputs([2, 1]), id: 'mine' })).body
  assert.deepEqual([status, answer], [200, now])
  await bench.serving.collect()
  const logged = await bench.serving.prediction(parameters.prediction_id)
  assert.deepEqual(logged.outputs, { probability: Math.fround(sigmoid(1)) })
})

test('every protocol over HTTP can be answered later, and what is wrong is the answer', async () => {
  const bench = await deferring('doors')
  const records = { dataframe_records: [{ wind: 2, rain: 1 }] }
  const named = { ...later, 'content-type': 'application/json', 'x-trainyard-deployment': 'doors' }
  const right = [Math.fround(sigmoid(1))]

  const mlflow = await post(bench, '/invocations', records, named)
  const v1 = await post(bench, '/v1/models/doors:predict', { instances: [{ wind: 2, rain: 1 }] })
  const wrong = await post(bench, '/v2/models/doors/infer', inputs(['much', 1]))
  const answers = await Promise.all([mlflow, v1, wrong].map(({ body }) => answerAt(bench, body.location)))
  const said = answers.map(({ status, body }) => {
    const { predictions, error } = body as { predictions?: unknown; error?: string }
    return [status, predictions ?? error]
  })

  assert.deepEqual(said, [
    [200, right],
    [200, right],
    [400, 'Input wind, row 1: "much" is not a finite number of 32 bits; missing values are not accepted.'],
  ])
})

test('nobody is made to wait who has not asked, and no deployment answers later that does not say so', async () => {
  const bench = await deferring('plain')
  assert.equal((await post(bench, '/v2/models/plain/infer', inputs([2, 1]), { prefer: 'return=minimal' })).status, 200)
  const other = bench.at('never')
  await other.deploy(await makeBundle(bench.blobs))
  assert.equal((await post(bench, '/v2/models/never/infer', inputs([2, 1]))).status, 200)
})

test('only so many wait; who asks for another answer than theirs is told that there is none', async () => {
  const bench = await deferring('narrow', { code: slow(400), more: { waiting: 2 } })
  const asked = await Promise.all([1, 2, 3].map(wind => post(bench, '/v2/models/narrow/infer', inputs([wind, 1]))))
  const of = (status: number) => asked.filter(each => each.status === status)
  const get = async (path: string) => (await fetch(bench.serving.url() + path)).status

  assert.deepEqual([of(202).length, of(503).length, of(503)[0]!.headers.get('retry-after')], [2, 1, '1'])
  const [{ body }] = of(202) as [(typeof asked)[number]]
  assert.equal((await answerAt(bench, body.location)).status, 200)
  assert.deepEqual(
    [
      await get(body.location.replace('narrow', 'plain')),
      await get(`/v2/models/narrow/requests/req_${crypto.randomUUID()}`),
      await get('/v2/models/narrow/requests/..%2f..%2fkeys'),
    ],
    [404, 404, 404],
  )
})

/** Somebody who is told, and at first is not there. */
async function receiver(t: TestContext, awayFor: number) {
  const heard: { headers: IncomingHttpHeaders; body: string }[] = []
  let tries = 0
  const server = createServer(async (request, response) => {
    const body = await text(request)
    if (tries++ < awayFor) return void response.writeHead(503).end()
    heard.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return { heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answers` }
}

test('whoever is declared is told of the answer, signed', async t => {
  const { heard, url } = await receiver(t, 0)
  const bench = await deferring('told', { more: { webhook: { url, key: { secret: 'hook.key' } } } })
  await until(async () => heard.pop())
  const { id, location } = (await post(bench, '/v2/models/told/infer', inputs([2, 1]))).body
  const answer = await answerAt(bench, location)
  const { headers, body } = await until(async () => heard[0])

  const seconds = String(headers['webhook-timestamp'])
  const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> }
  assert.deepEqual(
    [headers['webhook-id'], headers['webhook-signature']],
    [id, signatureOf({ id, seconds, body }, 'a key')],
  )
  const { accepted_at: accepted, answered_at: answered, ...said } = data
  assert.deepEqual(
    [type, said],
    ['prediction.answered', { id, deployment: 'told', location, status: 200, response: answer.body }],
  )
  assert.ok((accepted as number) <= (answered as number))
})

test('what was accepted is answered, logged once and told though the server is killed meanwhile', async t => {
  const { heard, url } = await receiver(t, 1)
  const bench = await deferring('killed', { code: slow(700), more: { webhook: { url, key: { secret: 'hook.key' } } } })
  await until(async () => heard.pop())
  const serving = join(bench.folder, 'serving')
  const asked = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(wind => post(bench, '/v2/models/killed/infer', inputs([wind, 0]))),
  )
  const { pid } = JSON.parse(await readFile(join(serving, 'server.json'), 'utf8')) as { pid: number }
  // Four have begun, two wait.
  await new Promise(done => setTimeout(done, 300))
  process.kill(pid, 'SIGKILL')

  const answers = await Promise.all(asked.map(({ body }) => answerAt(bench, body.location)))
  await until(async () => (heard.length >= 6 ? true : undefined))
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'killed', limit: 100 })

  assert.deepEqual(
    asked.map(({ status }) => status),
    [202, 202, 202, 202, 202, 202],
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200],
  )
  assert.deepEqual(new Set(items.map(({ features }) => features['wind'])), new Set([1, 2, 3, 4, 5, 6]))
  const ids = answers.map(({ body }) => (body as { parameters: { prediction_id: string } }).parameters.prediction_id)
  assert.deepEqual(items.map(({ id }) => id).toSorted(), ids.toSorted())
  assert.deepEqual(
    new Set(heard.map(({ headers }) => headers['webhook-id'])),
    new Set(asked.map(({ body }) => body.id)),
  )
  assert.deepEqual(await readdir(join(serving, 'deferred', 'hooks')), [])
})
