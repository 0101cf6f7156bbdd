import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openOnlineStore, serviceFeatures, type OnlineRead, type OnlineStore } from '#features'
import type { Millis } from '#kernel/clock.ts'
import type { InputRules } from '#project/input-rule.ts'
import { inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'
import { lookUp } from './lookup.ts'
import { createRecentRows } from './recent-rows.ts'

const day = 86_400_000
const first = Date.UTC(2015, 0, 1)
const service = {
  entityKey: 'city',
  views: [
    { view: 'weather', fields: ['wind'], maxAgeMs: 3 * day },
    { view: 'gauge', fields: ['rain'] },
  ],
}

async function open(t: TestContext): Promise<Bench & { store: OnlineStore }> {
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
    row('seattle', first + day, { wind: 2 }),
    row('boston', first, { wind: null }),
  ])
  await store.write({ project: 'rain', view: 'gauge' }, 'ftv_2', [
    row('seattle', first, { rain: 0.5 }),
    row('boston', first, { rain: 0 }),
  ])
  await bench.deploy(await makeBundle(bench.blobs, { change: { service } }))
  return { ...bench, store }
}

test('features that the request leaves out are read by key, as of the instant that the prediction is about', async (t: TestContext) => {
  const { infer, serving } = await open(t)
  const ask = async (body: object) => {
    const { body: answer } = await infer(body)
    return answer.error ?? (answer.outputs[0]!.data as number[]).map(value => Math.round(value * 1e6) / 1e6)
  }
  const expected = (wind: number, rain = 0.5): number => Math.round(sigmoid(wind - rain) * 1e6) / 1e6

  assert.deepEqual(await ask({ inputs: [], parameters: { entity: 'seattle', event_time: '2015-01-01T12:00:00Z' } }), [
    expected(1),
  ])
  assert.deepEqual(await ask({ parameters: { entity: '["seattle","seattle"]', event_time: [first, first + day] } }), [
    expected(1),
    expected(2),
  ])
  assert.deepEqual(
    await ask({ inputs: inputs([7, 0]).inputs.slice(0, 1), parameters: { entity: 'seattle', event_time: first } }),
    [expected(7)],
  )
  await serving.collect()
  const { items } = await serving.predictions({ deployment: 'rain', limit: 1 })
  assert.deepEqual(
    items.map(({ key, eventTime, features }) => [key, eventTime, features]),
    [['seattle', first + day, { wind: 2, rain: 0.5 }]],
  )
})

test('a feature that is not there is named with its view, its key and the reason', async t => {
  const { infer } = await open(t)
  const refusal = async (parameters?: object) => {
    const { status, body } = await infer({ inputs: [], ...(parameters && { parameters }) })
    return [status, body.error]
  }
  const advice = 'Send it as an input, or bring the feature store up to date.'

  assert.deepEqual(await refusal({ entity: 'paris', event_time: first }), [
    400,
    `Feature wind of view weather for city "paris": there is no row. ${advice}`,
  ])
  assert.deepEqual(await refusal({ entity: 'seattle', event_time: first - 1 }), [
    400,
    `Feature wind of view weather for city "seattle": there is no row. ${advice}`,
  ])
  assert.deepEqual(await refusal({ entity: 'seattle', event_time: first + 9 * day }), [
    400,
    `Feature wind of view weather for city "seattle": the newest row is too old. ${advice}`,
  ])
  assert.deepEqual(await refusal({ entity: 'boston', event_time: first }), [
    400,
    `Feature wind of view weather for city "boston": its value is missing. ${advice}`,
  ])
  assert.deepEqual(await refusal(), [
    400,
    'There is nothing to predict: send "inputs", or parameters.entity to have features looked up.',
  ])
  assert.deepEqual(
    (await infer({ inputs: inputs([1, 0]).inputs.slice(0, 1) })).body.error,
    'Missing inputs: rain. Send them, or name the city in parameters.entity to have them looked up.',
  )
})

test('a feature that is not there is filled where its rule says so; a store that is late counts as not there', async t => {
  const bench = await open(t)
  const { at, blobs, infer } = bench
  const fill = { missing: 'default', default: 4 } as const
  await at('filled').deploy(await makeBundle(blobs, { change: { service, inputs: { wind: fill, rain: fill } } }))
  const ask = async (parameters: object, deployment = 'filled') => {
    const { body } = await at(deployment).infer({ inputs: [], parameters })
    return [
      body.error ?? Math.round((body.outputs[0]!.data[0] as number) * 1e6) / 1e6,
      (body.parameters as { filled?: string } | undefined)?.filled,
    ]
  }
  const expected = (wind: number, rain: number): number => Math.round(sigmoid(wind - rain) * 1e6) / 1e6

  assert.deepEqual(await ask({ entity: 'boston', event_time: first }), [expected(4, 0), 'wind'])
  assert.deepEqual(await ask({ entity: 'paris', event_time: first }), [0.5, 'wind,rain'])
  assert.deepEqual(await ask({ entity: 'seattle', event_time: first }), [expected(1, 0.5), undefined])
  assert.equal((await infer({ inputs: [], parameters: { entity: 'paris', event_time: first } })).status, 400)
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'filled', order: 'arrival', limit: 9 })
  assert.deepEqual(items.map(({ filled }) => filled).toReversed(), [['wind'], ['wind', 'rain'], undefined])
})

test('a store that does not answer in time is not waited for', async () => {
  const never = {
    read: () => new Promise<never>(() => {}),
    open: () => {},
    features: async () => serviceFeatures(service),
    recent: createRecentRows(),
  }
  const lookup = (inputs: InputRules) => {
    const filled: string[] = []
    const missing = ['wind', 'rain'].map(name => ({ name, datatype: 'FP32', shape: [-1, 1] }))
    const model = { signature: { inputs: missing, outputs: [] }, service, inputs, lookupMs: 20 }
    const asked = {
      project: 'rain',
      model,
      missing,
      reads: [],
      rows: 2,
      keys: ['a', 'b'],
      at: undefined,
      filled,
      until: Infinity,
    }
    return lookUp(never, asked).then(({ columns }) => [Object.fromEntries(columns), filled])
  }
  const fill = { missing: 'default', default: 4 } as const

  assert.deepEqual(await lookup({ wind: fill, rain: fill }), [{ wind: [4, 4], rain: [4, 4] }, ['wind', 'rain']])
  await assert.rejects(lookup({ wind: fill }), {
    status: 503,
    message: 'The online feature store did not answer in 20 ms.',
  })
})

test('where a rule takes old values, a row that is too old answers, and what was read last while the store is away', async t => {
  const { store } = await open(t)
  let isAway = false
  const online = {
    read: (request: OnlineRead) => (isAway ? Promise.reject(new Error('it is away')) : store.read(request)),
    open: () => {},
    features: async () => serviceFeatures(service),
    recent: createRecentRows(),
  }
  const lookup = async (key: string, at: number, inputs: InputRules) => {
    const filled: string[] = []
    const missing = [{ name: 'wind', datatype: 'FP32', shape: [-1, 1] }]
    const model = { signature: { inputs: missing, outputs: [] }, service, inputs }
    const asked = {
      project: 'rain',
      model,
      missing,
      reads: [],
      rows: 1,
      keys: [key],
      at: [at],
      filled,
      until: Infinity,
    }
    return lookUp(online, asked).then(({ columns }) => [...Array.from(columns.get('wind')!), ...filled])
  }
  const stale = { wind: { missing: 'refuse', stale: true } } as const
  const staleOrFour = { wind: { missing: 'default', default: 4, stale: true } } as const

  assert.deepEqual(await lookup('seattle', first + 9 * day, stale), [2, 'wind'])
  assert.deepEqual(await lookup('seattle', first + day, stale), [2])
  assert.deepEqual(await lookup('paris', first, staleOrFour), [4, 'wind'])
  await assert.rejects(lookup('paris', first, stale), /Feature wind of view weather for city "paris": there is no row/)
  isAway = true
  assert.deepEqual(await lookup('seattle', first + day, stale), [2, 'wind'])
  assert.deepEqual(await lookup('boston', first, staleOrFour), [4, 'wind'])
  const away = { status: 503, message: 'The online feature store does not answer: it is away' }
  await assert.rejects(lookup('seattle', first, stale), away, 'the row that is known is of a later instant')
  await assert.rejects(lookup('seattle', first + day, {}), away)
})
