import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { requirePreprocess } from '../input-rules.ts'
import { makeBundle, openBench, sigmoid, type Bench, type BundleSpec } from '../testing.ts'

/** The model is the sigmoid of wind − rain; `wind` is made of knots, and of a gust where there is one. */

const preprocess = {
  takes: { knots: 'FP64', gust: 'FP64', isCoast: 'BOOL', rain: 'FP32' },
  gives: ['wind'],
  example: { knots: 3, gust: 5, isCoast: true, rain: 1 },
} as const satisfies NonNullable<BundleSpec['change']>['preprocess']
const code = `export function preprocess({ knots, gust, isCoast, rain }) {
  if (knots[0] === 99) throw new Error('no such wind')
  if (knots[0] === 98) return { wind: ['a', 'lot'].slice(0, knots.length) }
  if (knots[0] === 97) return { gale: knots }
  return { wind: knots.map((value, row) => Math.max(value, gust[row] ?? 0) / 2 + (isCoast[row] === true ? 1 : 0) + rain[row]) }
}`
const change = {
  preprocess: { ...preprocess, gives: [...preprocess.gives] },
  inputs: {
    gust: { missing: 'pass' },
    isCoast: { missing: 'default', default: false },
    wind: { missing: 'refuse', max: 60 },
  },
} as const satisfies BundleSpec['change']

async function open(t: TestContext): Promise<Bench> {
  const bench = await openBench(t)
  await bench.deploy(await makeBundle(bench.blobs, { code, change: { ...change, inputs: { ...change.inputs } } }))
  return bench
}

/** Rows as MLflow's clients send them. */
async function ask({ serving }: Bench, ...rows: readonly object[]): Promise<readonly unknown[]> {
  const response = await fetch(`${serving.url()}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataframe_records: rows }),
  })
  const { error, predictions } = (await response.json()) as { error?: string; predictions: number[] }
  const filled = response.headers.get('x-trainyard-filled')
  return [response.status, error ?? predictions.map(value => Math.round(value * 1e6) / 1e6), filled]
}
const expected = (...winds: readonly (readonly [wind: number, rain: number])[]) =>
  winds.map(([wind, rain]) => Math.round(sigmoid(wind - rain) * 1e6) / 1e6)

test('serving code makes inputs of what requests send, before the model meets them; the log has what it was given', async t => {
  const bench = await open(t)

  assert.deepEqual(
    [
      await ask(
        bench,
        { knots: 4, gust: 8, isCoast: true, rain: 1 },
        { knots: 2, gust: null, isCoast: false, rain: 0 },
      ),
      await ask(bench, { knots: 4, rain: 1 }),
      await ask(bench, { knots: 99, wind: 3, rain: 1 }),
    ],
    [
      [200, expected([6, 1], [1, 0]), 'gust'],
      [200, expected([3, 1]), 'gust,isCoast'],
      [200, expected([3, 1]), null],
    ],
    'an input that is sent is not made',
  )
  const { body } = await bench.infer({
    inputs: [
      { name: 'rain', datatype: 'FP32', shape: [1, 1], data: [1] },
      { name: 'knots', datatype: 'INT32', shape: [1], data: [6] },
    ],
  })
  assert.equal(body.outputs[0]!.data[0], Math.fround(sigmoid(3)))
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'rain', limit: 9, order: 'arrival' })
  assert.deepEqual(items.map(({ features }) => features).toReversed(), [
    { wind: 6, rain: 1 },
    { wind: 1, rain: 0 },
    { wind: 3, rain: 1 },
    { wind: 3, rain: 1 },
    { wind: 4, rain: 1 },
  ])
})

test('what is missing, or made against a rule, is the request’s; what the code fails at is the model’s, and is logged', async t => {
  const bench = await open(t)
  const row = { knots: 4, rain: 1 }

  assert.deepEqual(
    [
      await ask(bench, { rain: 1 }),
      await ask(bench, { wind: 3 }),
      await ask(bench, { ...row, knots: 200 }),
      await ask(bench, { ...row, knots: 'strong' }),
      await ask(bench, { ...row, knots: 99 }),
      await ask(bench, { ...row, knots: 98 }, row),
      await ask(bench, { ...row, knots: 97 }),
    ],
    [
      [400, 'Missing input: knots (FP64). It must be sent, or wind, which is made of it.', null],
      [400, 'Missing inputs: rain. This deployment looks no features up.', null],
      [400, 'Input wind, row 1: 101 is more than 60.', null],
      [400, 'Input knots, row 1: "strong" is not a finite number; missing values are not accepted.', null],
      [500, 'Revision 1 of rain failed: no such wind', null],
      [
        500,
        'Revision 1 of rain failed: Serving code: Input wind, row 1: "a" is not a finite number of 32 bits; missing values are not accepted.',
        null,
      ],
      [
        500,
        'Revision 1 of rain failed: Serving code: input wind must be a list with one value for each of 1 rows.',
        null,
      ],
    ],
  )
  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'rain', limit: 9, order: 'arrival' })
  assert.deepEqual(
    items.map(({ features, error }) => [features, error !== undefined]),
    Array.from({ length: 4 }, () => [{ wind: null, rain: 1 }, true]),
  )
})

test('callers are told what the code takes, in place of what it gives', async t => {
  const bench = await open(t)
  const tensor = (name: string, datatype: string) => ({ name, datatype, shape: [-1, 1] })

  const { inputs, properties } = JSON.parse((await bench.get('/v2/models/rain')).text) as Record<string, unknown>

  assert.deepEqual(inputs, (await bench.serving.deployment('rain')).inputs)
  assert.deepEqual(
    [inputs, properties],
    [
      [tensor('gust', 'FP64'), tensor('isCoast', 'BOOL'), tensor('knots', 'FP64'), tensor('rain', 'FP32')],
      { computed: 'wind' },
    ],
  )
  const source = await bench.serving.clientSource('rain', 'typescript')
  assert.match(source, /readonly "knots": number\n/)
  assert.match(source, /readonly "gust"\?: number \| null\n/)
  assert.doesNotMatch(source, /"wind"/)
})

test('code that is not as declared is no model', async t => {
  const bench = await openBench(t)
  const refusal = async (spec: BundleSpec): Promise<string> =>
    bench.deploy(await makeBundle(bench.blobs, spec)).then(
      () => 'deployed',
      (error: Error) => error.message,
    )

  assert.match(
    await refusal({ code: 'export const postprocess = () => ({})', change: { preprocess: change.preprocess } }),
    /serving\/answer\.ts does not export a function named preprocess/,
  )
  assert.match(
    await refusal({ code }),
    /exports preprocess, of which the project file does not say what it takes and gives/,
  )
})

test('a declaration must be of the model', () => {
  const signature = {
    inputs: ['wind', 'rain'].map(name => ({ name, datatype: 'FP32', shape: [-1, 1] })),
    outputs: [],
  }
  const trip = {
    view: 'trip',
    path: 'trip.sql',
    sql: 'select length(place) as rain from request',
    columns: { place: 'string' } as const,
    reads: [],
    fields: ['rain'],
  }
  const service = { entityKey: 'city', views: [], requests: [trip] }
  const problems = (takes: Record<string, 'FP32' | 'FP64'>, ...gives: readonly string[]): unknown => {
    try {
      return requirePreprocess({ model: 'rain', signature }, service, { takes, gives: [...gives], example: {} })
    } catch (error) {
      return (error as { detail: { problems: unknown } }).detail.problems
    }
  }
  const field = 'models.rain.preprocess'

  assert.deepEqual(
    [
      problems({ knots: 'FP64', rain: 'FP32' }, 'wind'),
      problems({ rain: 'FP64', wind: 'FP32', place: 'FP32' }, 'wind', 'sun'),
    ],
    [
      undefined,
      [
        { field: `${field}.gives`, value: 'sun', allowed: 'inputs of the model: wind, rain' },
        { field: `${field}.takes.rain`, value: 'FP64', allowed: 'FP32, as the model has it' },
        { field: `${field}.takes.wind`, value: 'FP32', allowed: 'another name: it gives this one' },
        { field: `${field}.takes.place`, value: 'FP32', allowed: 'another name: a request view has this one' },
      ],
    ],
  )
})
