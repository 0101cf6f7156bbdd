import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openOnlineStore } from '#features'
import type { Millis } from '#kernel/clock.ts'
import type { BundleManifest } from '../bundle.ts'
import { makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'

/** The model is the sigmoid of wind − rain; `wind` is looked up, `rain` computed of what only the request knows. */

const day = 86_400_000
const first = Date.UTC(2015, 0, 1)
const request = {
  view: 'trip',
  path: 'trip.sql',
  sql: `select coalesce(drops, 0) / nullif(usual, 0) + hour(asked_at AT TIME ZONE 'Europe/Berlin')
    + CASE WHEN city = 'boston' THEN 100 ELSE 0 END + date_diff('hour', asked_at, event_time) AS rain from request`,
  columns: { drops: 'integer', asked_at: 'timestamp', colour: 'string' },
  reads: [{ view: 'gauge', field: 'usual', name: 'usual', type: 'number', maxAgeMs: 3 * day }],
  fields: ['rain'],
} as const
const service: BundleManifest['service'] = {
  entityKey: 'city',
  views: [{ view: 'weather', fields: ['wind'] }],
  requests: [{ ...request, reads: [...request.reads], fields: [...request.fields] }],
}

async function open(t: TestContext, change: Partial<BundleManifest> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-online-'))
  const url = `sqlite:${join(folder, 'online.db')}`
  const store = await openOnlineStore(url)
  const bench = await openBench(t, { online: url })
  t.after(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })
  const row = (key: string, at: number, values: Record<string, number | null>) => ({
    key,
    eventTime: at as Millis,
    values,
  })
  await store.write({ project: 'rain', view: 'weather' }, 'ftv_1', [
    row('seattle', first, { wind: 1 }),
    row('boston', first, { wind: 2 }),
  ])
  await store.write({ project: 'rain', view: 'gauge' }, 'ftv_2', [row('seattle', first - day, { usual: 4 })])
  await bench.deploy(await makeBundle(bench.blobs, { change: { service, ...change } }))
  return bench
}

/** One row as MLflow's clients send it. */
const ask = async ({ serving }: Bench, row: object) => {
  const response = await fetch(`${serving.url()}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataframe_records: [row] }),
  })
  const { error, predictions } = (await response.json()) as { error?: string; predictions: number[] }
  return [error ?? Math.round(predictions[0]! * 1e6) / 1e6, response.headers.get('x-trainyard-filled')]
}
const expected = (wind: number, rain: number): number => Math.round(sigmoid(wind - rain) * 1e6) / 1e6

test('an input is computed of what the request brings and of what is looked up, and logged with its instants', async (t: TestContext) => {
  const bench = await open(t)
  const row = {
    city: 'seattle',
    event_time: '2015-01-01T02:00:00Z',
    drops: 2,
    asked_at: '2015-01-01T00:30:00.9999+00:00',
  }

  // 2 / 4, one o'clock in Berlin, and two hours have begun since.
  assert.deepEqual(await ask(bench, row), [expected(1, 0.5 + 1 + 2), null])
  assert.deepEqual(
    await ask(bench, { ...row, asked_at: Date.UTC(2015, 6, 1), event_time: Date.UTC(2015, 6, 1), usual: 1 }),
    [expected(1, 2 + 2), null],
  )
  assert.deepEqual(
    await ask(bench, { ...row, rain: 7, drops: 1 }),
    [expected(1, 7), null],
    'what is sent is not computed',
  )
  const tensors = await bench.infer({
    inputs: [
      { name: 'drops', shape: [2, 1], datatype: 'INT32', data: [4, 8] },
      { name: 'asked_at', shape: [2], datatype: 'BYTES', data: ['2015-01-01 01:59:59', '2015-01-01'] },
    ],
    parameters: { entity: 'seattle', event_time: '2015-01-01T02:00:00Z' },
  })
  assert.deepEqual(
    (tensors.body.outputs[0]!.data as number[]).map(value => Math.round(value * 1e6) / 1e6),
    [expected(1, 1 + 2 + 1), expected(1, 2 + 1 + 2)],
  )
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'rain', limit: 10, order: 'arrival' })
  assert.deepEqual(items.map(({ features, featureTimes }) => [features, featureTimes]).toReversed(), [
    [
      { wind: 1, rain: 3.5 },
      { weather: first, gauge: first - day },
    ],
    [{ wind: 1, rain: 4 }, { weather: first }],
    [{ wind: 1, rain: 7 }, { weather: first }],
    [
      { wind: 1, rain: 4 },
      { weather: first, gauge: first - day },
    ],
    [
      { wind: 1, rain: 5 },
      { weather: first, gauge: first - day },
    ],
  ])
})

test('callers are told what to send, and what is wrong by name', async (t: TestContext) => {
  const bench = await open(t)
  const row = { city: 'seattle', event_time: first, drops: 2, asked_at: '2015-01-01T00:30:00Z' }
  const { drops: _, ...without } = row
  const tensor = (name: string, datatype: string) => ({ name, datatype, shape: [-1, 1] })

  const metadata = JSON.parse((await bench.get('/v2/models/rain')).text) as object
  assert.deepEqual(
    { ...metadata, name: 0, versions: 0, platform: 0 },
    {
      name: 0,
      versions: 0,
      platform: 0,
      inputs: [tensor('asked_at', 'BYTES'), tensor('drops', 'INT64'), tensor('wind', 'FP32')],
      outputs: [tensor('probability', 'FP32')],
      properties: { entity: 'city', computed: 'rain' },
    },
  )
  const refusals = []
  for (const wrong of [
    without,
    { ...row, drops: 2.5 },
    { ...row, drops: null },
    { ...row, asked_at: '2015-02-30' },
    { ...row, asked_at: true },
    { ...row, colour: 5 },
    { ...row, city: 'paris', wind: 1 },
    { drops: 1, asked_at: 0, wind: 1 },
    { ...row, event_time: first + 9 * day },
  ])
    refusals.push((await ask(bench, wrong))[0])
  const isNull = 'Feature rain of request view trip, row 1: it is null for what is known of the row.'
  assert.deepEqual(refusals, [
    'Missing input: drops (integer). It must be sent, or rain, which is computed of it.',
    'Input drops, row 1: 2.5 is not a whole number of at most 9007199254740991; missing values are not accepted.',
    'Input drops, row 1: null is not a whole number of at most 9007199254740991; missing values are not accepted.',
    'Input asked_at, row 1: "2015-02-30" is not an instant: milliseconds since 1970, or ISO 8601.',
    'Input asked_at, row 1: true is not an instant: milliseconds since 1970, or ISO 8601.',
    'Input colour, row 1: 5 is not a text of at most 65536 characters.',
    isNull,
    'Missing inputs: usual. Send them, or name the city in parameters.entity to have them looked up.',
    isNull,
  ])
})

test('what cannot be computed is filled where a rule says so, and says so', async (t: TestContext) => {
  const fill = { missing: 'default', default: 9 } as const
  const bench = await open(t, {
    inputs: {
      rain: { ...fill, stale: true },
      drops: { missing: 'pass', min: 0 },
      wind: { missing: 'default', default: 1 },
    },
  })
  const row = { city: 'seattle', event_time: first, drops: 2, asked_at: first }
  const { asked_at: _, ...without } = row

  assert.deepEqual(await ask(bench, { ...row, drops: null }), [expected(1, 0 + 1), 'drops'])
  assert.deepEqual(await ask(bench, { ...row, drops: -1 }), ['Input drops, row 1: -1 is less than 0.', null])
  assert.deepEqual(await ask(bench, { ...row, city: 'paris' }), [expected(1, 9), 'wind,rain'])
  assert.deepEqual(await ask(bench, without), [expected(1, 9), 'rain'])
  assert.deepEqual(await ask(bench, { drops: 1, asked_at: 0, wind: 1 }), [expected(1, 9), 'rain'])
  assert.deepEqual(
    await ask(bench, { ...row, event_time: first + 9 * day, asked_at: first + 9 * day }),
    [expected(1, 0.5 + 1), 'rain'],
    'too old, and taken',
  )
})
