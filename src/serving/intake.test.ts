import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { newId } from '#kernel/id.ts'
import { routesFile } from './routes-file.ts'
import { serverMain, startServer, stopServer } from './server-process.ts'
import { fileHooks, inputs, makeBundle, openBench, type Bench } from './testing.ts'

const hooks = fileHooks()
const opened = (async () => {
  const bench = await openBench(hooks)
  const { id: revision } = await bench.deploy(await makeBundle(bench.blobs))
  await bench.declare({ log: { oneIn: 1, leaveOut: ['rain'], redact: [] } })
  return { bench, revision }
})()

const lineOf = (revision: string, more: object = {}) => ({
  id: newId('prd'),
  row: 0,
  event_time: 1_000,
  features: { wind: 1, rain: 2 },
  outputs: { probability: 0.5 },
  revision,
  received_at: Date.now(),
  latency_ms: 1.5,
  ...more,
})

async function tell({ serving }: Bench, lines: readonly unknown[], name = 'rain') {
  const body = lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  const response = await fetch(`${serving.url()}/v2/models/${name}/predictions`, {
    method: 'POST',
    headers: { 'x-request-id': 'mine' },
    body,
  })
  return [response.status, await response.json()] as const
}

test('a prediction that was made elsewhere is in the log as it was made, once, however often it is told', async () => {
  const { bench, revision } = await opened
  const line = lineOf(revision, { key: 'Seattle' })
  const before = (await bench.serving.deployment('rain')).revisions[0]!.requests

  assert.deepEqual(await tell(bench, [line, '', line]), [200, { taken: 2, refused: 0, errors: [] }])
  await bench.serving.collect()
  await tell(bench, [line, lineOf(revision)])
  await bench.serving.collect()

  const { receivedAt, ...logged } = await bench.serving.prediction(line.id)
  assert.deepEqual(logged, {
    id: line.id,
    deployment: 'rain',
    revision,
    version: (await bench.serving.deployment('rain')).revisions[0]!.version,
    key: 'Seattle',
    eventTime: 1_000,
    features: { wind: 1 },
    outputs: { probability: 0.5 },
    latencyMs: 1.5,
    forced: true,
  })
  assert.equal(receivedAt, line.received_at)
  assert.equal((await bench.serving.predictions({ deployment: 'rain', limit: 100 })).items.length, 2)
  assert.equal((await bench.serving.deployment('rain')).revisions[0]!.requests - before, 2)
})

test('who keeps one request in so many says so, and each that was drawn stands for as many', async () => {
  const { bench, revision } = await opened
  const requests = async () => (await bench.serving.deployment('rain')).revisions[0]!.requests
  const before = await requests()
  const drawn = lineOf(revision, { inclusion: 0.1, drawn: true })
  const failed = lineOf(revision, { inclusion: 0.1, drawn: false, error: 'It broke.', outputs: {} })

  const [, answer] = await tell(bench, [drawn, failed, lineOf(revision, { inclusion: 0 })])
  await bench.serving.collect()

  assert.deepEqual(answer, {
    taken: 2,
    refused: 1,
    errors: [{ line: 3, error: 'inclusion: 0 is not a chance, above 0 and at most 1.' }],
  })
  assert.equal((await bench.serving.prediction(drawn.id)).inclusion, 0.1)
  assert.equal((await requests()) - before, 11)
})

test('a line that is not as it should be is named, and keeps back none of the others', async () => {
  const { bench, revision } = await opened
  const cases: readonly (readonly [object | string, string])[] = [
    ['{', 'It is not JSON: '],
    ['5', 'Expected an object, not 5.'],
    [lineOf('rev_1'), 'revision: "rev_1" is none of rain.'],
    [lineOf(revision, { id: 'prd_1' }), 'id: "prd_1" is not prd_ and a UUID of version 7.'],
    [lineOf(revision, { id: `prd_00000000-0000-7000-8000-${'0'.repeat(12)}` }), 'id: made at 0, expected within'],
    [lineOf(revision, { received_at: 5 }), 'received_at: made at 5, expected within the last 31 days.'],
    [lineOf(revision, { event_time: 'x' }), 'event_time: "x" is not a whole number of milliseconds'],
    [lineOf(revision, { latency_ms: -1 }), 'latency_ms: -1 is not a number of milliseconds.'],
    [lineOf(revision, { row: 10_000 }), 'row: 10000 is not a whole number from 0 to 9999.'],
    [lineOf(revision, { key: ''.padEnd(201, 'k') }), 'key: "kkk'],
    [lineOf(revision, { features: { snow: 1 } }), 'features: "snow" is no input of this revision.'],
    [lineOf(revision, { features: { wind: 'much' } }), 'features.wind: "much" is not of FP32.'],
    [lineOf(revision, { features: [] }), 'features: expected an object, not [].'],
    [lineOf(revision, { outputs: { probability: null } }), 'outputs.probability: null is not a text'],
    [lineOf(revision, { outputs: { probability: {} } }), 'outputs.probability: {} is not a text'],
    [lineOf(revision, { error: 5 }), 'error: 5 is not a text of at most 10000 characters.'],
  ]

  const [status, answer] = await tell(bench, [lineOf(revision), ...cases.map(([line]) => line)])

  const { taken, refused, errors } = answer as {
    taken: number
    refused: number
    errors: { line: number; error: string }[]
  }
  assert.deepEqual([status, taken, refused], [200, 1, cases.length])
  assert.deepEqual(
    errors.map(({ line, error }, index) => [line, error.startsWith(cases[index]![1]) ? cases[index]![1] : error]),
    cases.map(([, says], index) => [index + 2, says]),
  )
  assert.deepEqual(await tell(bench, [lineOf(revision)], 'snow'), [
    404,
    { error: 'There is no deployment "snow".', code: 'not_found', request_id: 'mine' },
  ])
  assert.equal(
    (
      await tell(
        bench,
        Array.from({ length: 10_001 }, () => '{}'),
      )
    )[0],
    413,
  )
})

test('a copy of a revision that answers here no more still tells what it answers', async () => {
  const { bench } = await opened
  const other = bench.at('hail')
  const first = await other.deploy(await makeBundle(bench.blobs))
  for (const weight of [2, 3])
    await other.deploy(await makeBundle(bench.blobs, { model: { weights: { wind: weight }, intercept: 0 } }))
  assert.deepEqual(await tell(bench, [lineOf(first.id, { features: { former: 'x' } })], 'hail'), [
    200,
    { taken: 1, refused: 0, errors: [] },
  ])
  assert.equal((await other.infer({ inputs: inputs([1, 0]).inputs.slice(0, 1) })).status, 200)
})

test('a server that keeps no log says so, and takes nothing that would be lost', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await writeFile(routesFile(folder), JSON.stringify({ version: 1, deployments: [], preload: [] }))
  const server = await startServer(folder, {
    host: '127.0.0.1',
    port: 0,
    online: '',
    version: '0',
    isLogged: false,
    main: serverMain,
    workers: { isolation: 'none', hidden: [], memoryBytes: 0 },
  })
  t.after(() => stopServer(server))

  const response = await fetch(`http://127.0.0.1:${server.port}/v2/models/rain/predictions`, {
    method: 'POST',
    body: JSON.stringify(lineOf('rev_1')),
  })

  assert.deepEqual(
    [response.status, ((await response.json()) as { error: string }).error],
    [503, 'This server keeps no log of predictions: tell the platform.'],
  )
})
