import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { fileHooks, inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'

const code = `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take, it' : 'leave') })`
const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const bench = (): Promise<Bench> =>
  (opening ??= (async () => {
    const made = await openBench(hooks, { doors: { predict: '/aip/predict', health: '/aip/health' } })
    await made.deploy(await makeBundle(made.blobs))
    return made
  })())

interface Asking {
  readonly path?: string
  readonly type?: string
  readonly accept?: string
  readonly headers?: Record<string, string>
}

async function ask(body: unknown, { path = '/invocations', type = 'application/json', accept, headers }: Asking = {}) {
  const { serving } = await bench()
  const answer = await fetch(serving.url() + path, {
    method: 'POST',
    headers: { 'content-type': type, ...(accept === undefined ? {} : { accept }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await answer.text()
  const value = answer.headers.get('content-type')!.includes('json')
    ? (JSON.parse(text) as Record<string, unknown>)
    : text
  return { status: answer.status, headers: answer.headers, value }
}

const predictionsIn = async (body: unknown, asking?: Asking) => {
  const { value } = await ask(body, asking)
  return typeof value === 'string' ? value : (value['predictions'] ?? value['outputs'] ?? value['error'])
}

/** The answers to wind 2 and 0, rain 1 and 0. */
const both = [Math.fround(sigmoid(1)), 0.5]
const records = [
  { wind: 2, rain: 1 },
  { rain: 0, wind: 0 },
]

test('every form of MLflow is the same rows, columns in any order and more of them than are needed', async () => {
  const forms: [unknown, Asking?][] = [
    [
      {
        dataframe_split: {
          columns: ['rain', 'note', 'wind'],
          index: [7, 8],
          data: [
            [1, 'a', 2],
            [0, 'b', 0],
          ],
        },
      },
    ],
    [{ dataframe_records: records, params: { temperature: 1 } }],
    [{ dataframe_records: records.map((record, note) => ({ ...record, note })) }],
    [{ instances: records }],
    [
      {
        instances: [
          [2, 1],
          [0, 0],
        ],
      },
    ],
    [{ inputs: { rain: [1, 0], wind: [[2], [0]] } }],
    [
      {
        inputs: [
          [2, 1],
          [0, 0],
        ],
      },
    ],
    ['rain,note,wind\n1,x,2\n0,"y, ""z""\nz",0\n', { type: 'text/csv' }],
    ['2,1\r\n0,0', { type: 'text/csv; charset=utf-8' }],
    ['wind,rain\n2,1\n0,0\n', { type: 'text/csv; header=present' }],
  ]

  for (const [body, asking] of forms) assert.deepEqual(await predictionsIn(body, asking), both, JSON.stringify(body))
})

test('who answered stands in headers and beside the predictions', async () => {
  const { serving } = await bench()
  const { headers, value } = await ask({ dataframe_records: records })
  const ids = (value as Record<string, unknown>)['prediction_ids'] as string[]

  assert.equal(headers.get('x-trainyard-prediction-ids'), ids.join())
  assert.equal(headers.get('x-model-version'), '1')
  await serving.collect()
  assert.deepEqual((await serving.prediction(ids[0]!)).features, { wind: 2, rain: 1 })
})

test('CSV comes out for who accepts it, with names when they are wanted', async () => {
  const made = await bench()
  await made.at('advised').deploy(await makeBundle(made.blobs, { code }))
  const headers = { 'x-trainyard-deployment': 'advised' }
  const line = `${both[0]},"take, it"\n0.5,leave\n`

  assert.equal(await predictionsIn('2,1\n0,0', { type: 'text/csv', accept: 'text/csv', headers }), line)
  assert.equal(
    await predictionsIn({ instances: records }, { accept: 'text/csv; header=present', headers }),
    `probability,advice\n${line}`,
  )
  assert.deepEqual(await predictionsIn({ instances: records }, { accept: '*/*', headers }), [
    { probability: both[0], advice: 'take, it' },
    { probability: 0.5, advice: 'leave' },
  ])
})

test('where the address names no deployment it is the one of the header, of the settings, or the only one', async t => {
  const made = await bench()
  await made.at('another').deploy(await makeBundle(made.blobs))
  const { status, value } = await ask({ instances: records })
  assert.deepEqual([status, (value as Record<string, unknown>)['error_code']], [400, 'BAD_REQUEST'])
  assert.match(
    String((value as Record<string, unknown>)['message']),
    /^Which deployment\? Name it in the header x-trainyard-deployment .*rain/,
  )
  assert.deepEqual(await predictionsIn({ instances: records }, { headers: { 'x-trainyard-deployment': 'rain' } }), both)
  const attributes = (text: string) => ({ headers: { 'x-amzn-sagemaker-custom-attributes': text } })
  assert.deepEqual(
    [
      await predictionsIn({ instances: records }, attributes('trace=7, x-trainyard-deployment=rain')),
      await predictionsIn({ instances: records }, attributes('x-trainyard-deployment=rain;x-trainyard-revision=9')),
      (await ask({ instances: records }, attributes('x-trainyard-deployments=rain'))).status,
    ],
    [both, 'Deployment rain has no revision "9"; it has 1, @live, @stable.', 400],
  )

  const keys = ['one', 'none'].map(name => ({
    hash: digestOf(name),
    name,
    reads: [],
    asks: 'all' as const,
    deployments: name === 'one' ? ['rain'] : ['snow'],
  }))
  const preset = await openBench(t, { host: '0.0.0.0', keys: async () => keys })
  for (const name of ['rain', 'hail']) await preset.at(name).deploy(await makeBundle(preset.blobs))
  const statusFor = async (secret: string) => {
    const url = `http://127.0.0.1:${new URL(preset.serving.url()).port}/invocations`
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ instances: records }) })).status
  }
  assert.deepEqual([await statusFor('one'), await statusFor('none'), await statusFor('unknown')], [200, 404, 401])
})

test('a server behind a gateway asks nobody for a token, and lets nobody unload', async t => {
  const open = await openBench(t, { host: '0.0.0.0', doors: { isOpen: true, deployment: 'rain' } })
  for (const name of ['rain', 'hail']) await open.at(name).deploy(await makeBundle(open.blobs))
  const post = async (path: string, body: object) => {
    const url = `http://127.0.0.1:${new URL(open.serving.url()).port}${path}`
    return (
      await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    ).status
  }

  assert.equal(await post('/invocations', { instances: records }), 200)
  assert.equal(await post('/v2/repository/models/rain/unload', {}), 403)
  assert.equal((await open.get('/metrics')).status, 403)
})

test('TensorFlow Serving, KServe v1 and Vertex AI: rows are answered by rows, columns by columns', async () => {
  const path = '/v1/models/rain:predict'
  const vertex = { path: '/aip/predict', headers: { 'x-trainyard-deployment': 'rain' } }

  assert.deepEqual(await predictionsIn({ instances: records }, { path }), both)
  assert.deepEqual(
    await predictionsIn(
      {
        signature_name: 'serving_default',
        instances: [
          [2, 1],
          [0, 0],
        ],
      },
      { path },
    ),
    both,
  )
  assert.deepEqual(
    await predictionsIn({ instances: [{ wind: [2], rain: [1] }] }, { path: '/v1/models/rain/versions/1:predict' }),
    [both[0]],
  )
  const byColumn = await ask({ inputs: { wind: [2, 0], rain: [1, 0] } }, { path })
  assert.deepEqual((byColumn.value as Record<string, unknown>)['outputs'], both)
  assert.deepEqual(await predictionsIn({ inputs: { wind: [[2], [0]], rain: [1, 0] } }, { path }), both)
  assert.deepEqual(await predictionsIn({ instances: records, parameters: {} }, vertex), both)
})

test('examples of TensorFlow Serving are classified and regressed, with what they have in common said once', async () => {
  const made = await bench()
  const code = `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave') })`
  await made.at('labelled').deploy(await makeBundle(made.blobs, { code }))
  const results = async (path: string, body: object) => {
    const { status, value } = await ask(body, { path: `/v1/models/${path}` })
    const { results: found, error } = value as { results?: unknown; error?: string }
    return status === 200 ? found : [status, error]
  }
  const examples = [{ wind: 2 }, { wind: [1] }]
  const context = { rain: 1 }

  assert.deepEqual(await results('rain:regress', { examples: records }), both)
  assert.deepEqual(await results('rain/labels/stable:regress', { examples, context }), both)
  assert.deepEqual(
    await results('rain:classify', { signature_name: 'tensorflow/serving/classify', examples, context }),
    both.map(score => [['', score]]),
  )
  assert.deepEqual(await results('labelled/versions/1:classify', { examples, context }), [
    [['take', both[0]]],
    [['leave', both[1]]],
  ])
  assert.deepEqual(
    [
      await results('rain:regress', { instances: records }),
      await results('rain:classify', { examples: [{ wind: 1, rain: 1 }], context }),
      await results('rain:classify', { examples, context: 1 }),
      await results('rain:regress', { examples: [7] }),
      await results('rain:regress', { examples, context, signature_name: 'other' }),
      await results('rain/labels/canary:regress', { examples, context }),
    ],
    [
      [400, '"examples" must be a list of objects, not nothing.'],
      [400, 'examples, row 1: "rain" is in "context" too.'],
      [400, '"context" must be an object, not 1.'],
      [400, 'examples, row 1: expected an object, not 7.'],
      [400, '"signature_name": "other"; there is serving_default and tensorflow/serving/regress.'],
      [404, 'Deployment rain has no revision "@canary"; it has 1, @live, @stable.'],
    ],
  )
})

test('a revision is named by its part in the traffic, over every protocol', async () => {
  const made = (await bench()).at('shared')
  await made.deploy(await makeBundle(made.blobs))
  await made.deploy(await makeBundle(made.blobs), 20)
  const { status, text } = await made.get('/v1/models/shared/labels/canary')
  const versions = async (path: string) => (await made.infer(inputs([0, 0]), { path })).body.model_version
  assert.deepEqual(
    [status, (JSON.parse(text) as { model_version_status: { version: string }[] }).model_version_status[0]!.version],
    [200, '2'],
  )
  assert.deepEqual([await versions('versions/@canary/infer'), await versions('versions/@live/infer')], ['2', '1'])
  assert.equal((await made.get('/v1/models/shared/labels/live/metadata')).status, 200)
  assert.equal((await made.get('/v2/models/shared/versions/@canary/ready')).status, 200)
  assert.equal((await made.get('/v1/models/shared/labels/shadow')).status, 404)
})

test('a kept connection may rest longer than the pools of clients let it', async () => {
  const { serving } = await bench()
  const { headers } = await fetch(`${serving.url()}/v2`)
  assert.equal(headers.get('keep-alive'), 'timeout=75')
})

test('health and metadata of the other protocols', async () => {
  const { get } = await bench()
  const read = async (path: string) => {
    const { status, text } = await get(path)
    return [status, text]
  }

  for (const path of ['/ping', '/health', '/aip/health']) assert.deepEqual(await read(path), [200, '\n'])
  assert.deepEqual(await read('/version'), [200, '0'])
  const [, models] = await read('/v1/models')
  assert.ok((JSON.parse(String(models)) as { models: string[] }).models.includes('rain'))
  assert.deepEqual(JSON.parse(String((await read('/v1/models/rain'))[1])), {
    name: 'rain',
    ready: true,
    model_version_status: [{ version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } }],
  })
  assert.equal((await read('/v1/models/rain/versions/9'))[0], 404)
  const metadata = JSON.parse(String((await read('/v1/models/rain/metadata'))[1]))
  assert.deepEqual(metadata.metadata.signature_def.signature_def.serving_default.inputs.wind, {
    dtype: 'DT_FLOAT',
    tensor_shape: {
      dim: [
        { size: '-1', name: '' },
        { size: '1', name: '' },
      ],
      unknown_rank: false,
    },
    name: 'wind',
  })
})

test('what cannot be bound is refused with its column, its row and what is allowed', async () => {
  const rain = { 'x-trainyard-deployment': 'rain' }
  const v1 = { path: '/v1/models/rain:predict' }
  const csv = { type: 'text/csv' }
  const refused: [unknown, Asking, number, RegExp][] = [
    [{}, {}, 400, /one of dataframe_split, dataframe_records, instances, inputs; it has none of them\.$/],
    [{ inputs: [], instances: [] }, {}, 400, /it has instances and inputs\.$/],
    ['[[1,2]]', {}, 400, /^The body must be an object with one of/],
    [{ dataframe_split: [] }, {}, 400, /^"dataframe_split" must be an object, not \[\]/],
    [
      { dataframe_split: { columns: ['wind'], data: [[1, 2]] } },
      {},
      400,
      /data, row 1: 2 values, expected a list of 1: wind\.$/,
    ],
    [{ dataframe_split: { columns: ['wind', 'wind'], data: [[1, 2]] } }, {}, 400, /^Column "wind" is given twice\.$/],
    [
      { dataframe_records: [{ wind: 1, rain: 1 }, 7] },
      {},
      400,
      /^dataframe_records, row 2: expected an object, not 7\.$/,
    ],
    [
      { dataframe_records: [{ wind: 1, rain: 1 }, { wind: 1 }] },
      {},
      400,
      /^Input rain, row 2: nothing is not a finite/,
    ],
    [{ dataframe_records: [{ wind: 1 }] }, {}, 400, /^Missing inputs: rain\./],
    [{ dataframe_records: [{ wind: 'x', rain: 1 }] }, {}, 400, /^Input wind, row 1: "x" is not a finite number/],
    [{ dataframe_records: [] }, {}, 400, /0 rows, expected 1 to 10000/],
    [{ inputs: { wind: [1, 2], rain: [1] } }, {}, 400, /^inputs, column "rain": 1 rows, the first has 2\.$/],
    [{ inputs: { wind: 7 } }, {}, 400, /^inputs, column "wind": expected a list of values, not 7\.$/],
    [{ instances: [1, 2] }, {}, 400, /^instances, row 1: 1, expected a list of 2: wind, rain\.$/],
    ['wind,rain\n1', csv, 400, /^CSV, row 1: 1 values, expected 2: wind, rain\.$/],
    ['wind,rain\n1,"2', csv, 400, /^CSV, line 2: a quote is not closed\.$/],
    ['wind,rain\n1,"2"3', csv, 400, /^CSV, line 2: "3" after a closing quote/],
    ['wind,rain\n1,2\n1,', csv, 400, /^Input rain, row 2: null is not a finite number/],
    ['wind,rain\n1,nan', csv, 400, /^Input rain, row 1: NaN is not a finite number/],
    ['wind,rain\n1,0x10', csv, 400, /^Input rain, row 1: "0x10" is not a finite number/],
    ['', csv, 400, /0 rows, expected 1 to 10000/],
    [
      'x',
      { type: 'application/xml' },
      415,
      /^Content-Type: "application\/xml"; expected application\/json or text\/csv\.$/,
    ],
    ['x', { type: 'text/csv; charset=latin1' }, 415, /^Content-Type: charset "latin1"; expected utf-8\.$/],
    [{ instances: records }, { accept: 'image/png' }, 406, /^Accept: "image\/png"; there is/],
    [
      { instances: records, inputs: {} },
      v1,
      400,
      /^The body must have either "instances", rows, or "inputs", columns\.$/,
    ],
    [{ instances: [{ wind: 1, rain: 1, sun: 1 }] }, v1, 400, /^Input "sun" is unknown; the inputs are wind, rain\.$/],
    [
      { instances: records, signature_name: 'other' },
      v1,
      400,
      /^"signature_name": "other"; there is serving_default alone\.$/,
    ],
    [{ instances: {} }, v1, 400, /^instances must be a list of rows, not \{\}\.$/],
    [{ instances: records }, { path: '/v1/models/snow:predict' }, 404, /^There is no deployment "snow"\.$/],
  ]

  for (const [body, asking, status, sentence] of refused) {
    const answer = await ask(body, { headers: rain, ...asking })
    const { error = JSON.stringify(answer.value) } = answer.value as { error?: string }
    assert.match(error, sentence)
    assert.equal(answer.status, status, error)
  }
})

test('a table of very many names costs little', async () => {
  const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`c${i}`, 1]))
  const { status, value } = await ask(
    { dataframe_records: [wide, { wind: 1 }] },
    { headers: { 'x-trainyard-deployment': 'rain' } },
  )

  assert.equal(status, 400)
  assert.match(String((value as Record<string, unknown>)['error']), /50001 columns, expected at most 10000/)
})
