import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { seededRandom } from '#statistics'
import { fileHooks, inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'
import { extensions } from './pages.ts'

// One model server for all tests of this file: none of them changes what the others see.
const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const bench = (): Promise<Bench> =>
  (opening ??= (async () => {
    const made = await openBench(hooks)
    await made.deploy(
      await makeBundle(made.blobs, {
        code: `export const postprocess = ({ probability }) => ({ advice: probability.map(p => p > 0.5 ? 'take' : 'leave'), sure: probability.map(p => p > 0.9) })`,
      }),
    )
    return made
  })())

const tensor = (change: object) => ({ name: 'wind', shape: [1, 1], datatype: 'FP32', data: [0], ...change })
const rain = tensor({ name: 'rain' })

test('an inference has the outputs of the model and of the serving code, and says who gave them', async () => {
  const { serving, infer } = await bench()

  const { status, body } = await infer({ id: 'mine', ...inputs([2, 1], [0, 0]) })

  const [revision] = (await serving.deployment('rain')).revisions
  const ids = JSON.parse(body.parameters.prediction_id) as string[]
  assert.equal(status, 200)
  assert.deepEqual(
    { ...body, parameters: { ...body.parameters, prediction_id: ids.length } },
    {
      model_name: 'rain',
      model_version: '1',
      id: 'mine',
      parameters: { prediction_id: 2, revision: revision!.id, model_version: revision!.version },
      outputs: [
        { name: 'probability', datatype: 'FP32', shape: [2, 1], data: [Math.fround(sigmoid(1)), 0.5] },
        { name: 'advice', datatype: 'BYTES', shape: [2], data: ['take', 'leave'] },
        { name: 'sure', datatype: 'BOOL', shape: [2, 1], data: [false, false] },
      ],
    },
  )
})

test('data may be flat or nested, a column or a vector, and of any type of number', async () => {
  const { infer } = await bench()
  const variants = [
    tensor({ data: [2] }),
    tensor({ data: [[2]] }),
    tensor({ shape: [1], data: [2] }),
    tensor({ datatype: 'INT64', data: [2] }),
    tensor({ datatype: 'FP64', data: [2.0] }),
  ]

  const answers = await Promise.all(variants.map(wind => infer({ inputs: [rain, wind] })))

  assert.deepEqual(
    answers.map(({ body }) => body.outputs[0]!.data),
    variants.map(() => [Math.fround(sigmoid(2))]),
  )
})

test('only the outputs that are asked for are sent', async () => {
  const { infer } = await bench()

  const { body } = await infer({ ...inputs([2, 1]), outputs: [{ name: 'advice' }] })

  assert.deepEqual(
    body.outputs.map(({ name }) => name),
    ['advice'],
  )
})

test('requests that arrive together get each its own answer', async () => {
  const { infer } = await bench()
  const rows = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 1 + (i % 7) }, (__, j) => [i / 10 + j, 1] as const),
  )

  const answers = await Promise.all(rows.map(each => infer(inputs(...each))))

  for (const [i, { body }] of answers.entries()) {
    const expected = rows[i]!.map(([wind]) => sigmoid(wind - 1))
    assert.ok(
      expected.every((value, row) => Math.abs((body.outputs[0]!.data[row] as number) - value) < 1e-6),
      `request ${i}`,
    )
  }
})

test('what cannot be predicted is refused with a sentence that names the tensor and what is expected', async () => {
  const { infer } = await bench()
  const refused: [unknown, RegExp][] = [
    ['{', /^The body is not JSON: /],
    ['{"inputs":[NaN,', /^The body is not JSON: /],
    [
      '{"inputs":[{"name":"wind","shape":[1],"datatype":"FP32","data":[NaN]}]}',
      /^Input wind, row 1: NaN is not a finite number of 32 bits; missing values are not accepted\.$/,
    ],
    [
      '{"inputs":[{"name":"wind","shape":[2],"datatype":"FP32","data":[1,-Infinity]}]}',
      /^Input wind, row 2: -Infinity is not a finite number/,
    ],
    ['', /^The body is not JSON/],
    ['[]', /^The body must be an object with "inputs", not \[\]\.$/],
    [{}, /^There is nothing to predict/],
    [{ inputs: {} }, /^"inputs" must be a list of tensors\.$/],
    [{ inputs: [7] }, /^An input must be an object with name, shape, datatype and data, not 7\.$/],
    [{ inputs: [rain] }, /^Missing inputs: wind\. This deployment looks no features up\.$/],
    [{ inputs: [tensor({ name: 'sun' }), rain] }, /^Input "sun" is unknown; the inputs are wind, rain\.$/],
    [{ inputs: [rain, rain] }, /^Input rain is given twice\.$/],
    [
      { inputs: [tensor({ shape: [1, 2], data: [0, 0] }), rain] },
      /^Input wind: shape \[1,2\], expected FP32 with shape \[N,1\] or \[N\]\.$/,
    ],
    [{ inputs: [tensor({ shape: [] }), rain] }, /^Input wind: shape \[\], expected FP32/],
    [{ inputs: [tensor({ shape: [0, 1], data: [] }), rain] }, /^Input wind: 0 rows, expected 1 to 10000\.$/],
    [{ inputs: [tensor({ shape: [-1, 1] }), rain] }, /^Input "wind" needs a "shape" of whole numbers/],
    [{ inputs: [tensor({ shape: [2, 1] }), rain] }, /^Input wind: 1 elements in "data", shape \[2,1\] expects 2\.$/],
    [
      { inputs: [rain, tensor({ shape: [2, 1], data: [0, 0] })] },
      /^Input wind has 2 rows, the inputs before it have 1\.$/,
    ],
    [
      { inputs: [tensor({ datatype: 'BYTES', data: ['7'] }), rain] },
      /^Input wind: datatype "BYTES", expected FP32 with shape \[N,1\] or \[N\]\.$/,
    ],
    [
      { inputs: [tensor({ data: ['7'] }), rain] },
      /^Input wind, row 1: "7" is not a finite number of 32 bits; missing values are not accepted\.$/,
    ],
    [inputs([0, 0], [0, null]), /^Input rain, row 2: null is not a finite number/],
    [{ inputs: [tensor({ data: [1e39] }), rain] }, /^Input wind, row 1: 1e\+39 is not a finite number of 32 bits/],
    [
      { inputs: [tensor({ shape: [2, 1], data: [[0], 0] }), tensor({ name: 'rain', shape: [2, 1], data: [0, 0] })] },
      /^Input wind, row 2: 0 is not a list of one element/,
    ],
    [
      { inputs: [{ name: 'wind', shape: [1, 1], datatype: 'FP32', parameters: { shared_memory_region: 'r' } }, rain] },
      /^Input "wind": shared memory is not supported, send the data with the request\.$/,
    ],
    [
      { inputs: [{ name: 'wind', shape: [1, 1], datatype: 'FP32', parameters: { binary_data_size: 4 } }, rain] },
      /^Input wind: 4 bytes are announced, 0 are left behind the JSON\.$/,
    ],
    [{ inputs: [tensor({ parameters: { binary_data_size: 4 } }), rain] }, /has both "data" and binary_data_size/],
    [{ inputs: [tensor({ datatype: 'BOOL', shape: [3], data: [true] }), rain] }, /^Input wind: datatype "BOOL"/],
    [{ parameters: { priority: 'high' }, ...inputs([0, 0]) }, /^Parameter priority: "high" is not a whole number: 1/],
    [{ id: 7, ...inputs([0, 0]) }, /^"id" must be a text, not 7\.$/],
    [{ outputs: 'all', ...inputs([0, 0]) }, /^"outputs" must be a list/],
    [{ parameters: { event_time: 'soon' }, ...inputs([0, 0]) }, /^Parameter event_time: "soon" is not an instant/],
    [
      { parameters: { entity: ['a', 'b', 'c'] }, ...inputs([0, 0], [0, 0]) },
      /^Parameter entity has 3 values for 2 rows\.$/,
    ],
  ]

  for (const [body, sentence] of refused) {
    const answer = await infer(body)
    assert.match(answer.body.error ?? JSON.stringify(answer.body), sentence)
    assert.equal(answer.status, 400)
  }
})

test('a revision is named by path or header, and an unknown name is not found', async () => {
  const { serving, infer } = await bench()
  const { id } = (await serving.deployment('rain')).revisions[0]!
  const ask = async (path: string, revision?: string) => {
    const { status, body } = await infer(inputs([0, 0]), {
      path,
      headers: revision === undefined ? {} : { 'x-trainyard-revision': revision },
    })
    return [status, body.error ?? body.model_version]
  }

  assert.deepEqual(await ask('versions/1/infer'), [200, '1'])
  assert.deepEqual(await ask('infer', id), [200, '1'])
  assert.deepEqual(await ask('versions/2/infer'), [
    404,
    'Deployment rain has no revision "2"; it has 1, @live, @stable.',
  ])
  assert.deepEqual(await ask('../snow/infer'), [404, 'There is no /v2/models/rain/../snow/infer.'])
})

test('health, metadata and metrics are read with GET', async () => {
  const { get, infer } = await bench()
  await infer(inputs([0, 0]))
  const json = async (path: string) => {
    const { status, text } = await get(path)
    return [status, JSON.parse(text)] as const
  }

  for (const path of ['/v2', '/v2/'])
    assert.deepEqual(await json(path), [200, { name: 'trainyard', version: '0', extensions }])
  assert.deepEqual(await json('/v2/health/live'), [200, { live: true }])
  assert.deepEqual(await json('/healthz'), [200, { live: true }])
  assert.deepEqual(await json('/v2/health/ready'), [200, { ready: true }])
  assert.deepEqual(await json('/v2/models'), [200, { models: [{ name: 'rain' }] }])
  assert.deepEqual(await json('/v2/models/rain/ready'), [200, { name: 'rain', ready: true }])
  assert.deepEqual(await json('/v2/models/rain/versions/1'), [
    200,
    {
      name: 'rain',
      versions: ['1'],
      platform: 'onnx_onnxv1',
      inputs: [
        { name: 'wind', datatype: 'FP32', shape: [-1, 1] },
        { name: 'rain', datatype: 'FP32', shape: [-1, 1] },
      ],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
      properties: {},
    },
  ])
  assert.match(
    (await get('/metrics')).text,
    /trainyard_serving_requests_total\{deployment="rain",revision="rev_[^"]+",code="200",protocol="v2"\} \d+/,
  )
  // A dashboard that was made for Triton or KServe, and what this server is scaled by.
  for (const series of [
    /^nv_inference_request_success\{model="rain",version="1"\} [1-9]/m,
    /^nv_inference_compute_infer_duration_us\{model="rain",version="1"\} [1-9]/m,
    /^request_predict_seconds_count\{model_name="rain"\} [1-9]/m,
    /^trainyard_serving_stage_seconds_count\{deployment="rain",revision="rev_[^"]+",stage="bind"\} [1-9]/m,
    /^trainyard_serving_model_load_seconds\{deployment="rain",revision="rev_[^"]+"\} \d+\.\d/m,
    /^trainyard_serving_inflight 0$/m,
    /^serving_utilization (0|1|0\.\d+)$/m,
    /^trainyard_serving_event_loop_delay_seconds\{quantile="0.99"\} /m,
  ])
    assert.match((await get('/metrics')).text, series)
})

test('a body that is too large, or compressed in a way that is not known, is refused before it is read, and counted', async () => {
  const { infer, get } = await bench()

  assert.equal(
    (
      await raw(
        await bench(),
        'POST /v2/models/rain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 67108865\r\n\r\n',
      )
    ).slice(0, 12),
    'HTTP/1.1 413',
  )
  assert.deepEqual((await infer('x', { headers: { 'content-encoding': 'br' } })).status, 415)
  assert.match(
    await raw(await bench(), `GET /v2 HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 .*\{"error":"The headers are larger than 16384 bytes\.","code":"headers_too_large","request_id":"[^"]+"\}$/s,
  )
  const metrics = (await get('/metrics')).text
  for (const code of [413, 415, 431])
    assert.match(metrics, new RegExp(`requests_total\\{deployment="",revision="",code="${code}",protocol=""\\} 1\n`))
})

test('a refusal is a sentence, a code of the catalogue with its status, and the id of the request', async () => {
  const made = await bench()
  await made.at('broken').deploy(
    await makeBundle(made.blobs, {
      code: `export const postprocess = ({ probability }) => { if (probability[0] > 0.9) throw new Error('too sure'); return {} }`,
    }),
  )
  const answers: object[] = []
  async function refusedBy(path: string, init: RequestInit = {}): Promise<void> {
    const headers = { 'x-request-id': 'mine', ...(init.headers as Record<string, string>) }
    const answer = await fetch(made.serving.url() + path, { ...init, headers })
    answers.push({
      status: answer.status,
      id: answer.headers.get('x-request-id'),
      ...((await answer.json()) as object),
    })
  }
  const post = (body: string, headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body, headers })

  await refusedBy('/v2/models/rain/infer', post('{}'))
  await refusedBy('/v2/models/rain/infer', post('{}', { origin: 'http://elsewhere.example' }))
  await refusedBy('/v2/models/snow')
  await refusedBy('/nothing')
  await refusedBy('/v2/models/rain/infer')
  await refusedBy('/v2/models/rain/infer', post('{}', { 'content-encoding': 'br' }))
  await refusedBy('/v2/models/broken/infer', post(JSON.stringify(inputs([9, 0]))))
  await refusedBy('/v1/models/rain:predict', post('{"instances":7}'))
  await refusedBy('/invocations', post('{}', { 'x-trainyard-deployment': 'rain', accept: 'image/png' }))

  const refused = (status: number, code: string, error: string, more = {}) => ({
    status,
    id: 'mine',
    error,
    code,
    request_id: 'mine',
    ...more,
  })
  const accept = 'Accept: "image/png"; there is application/json and text/csv.'
  assert.deepEqual(answers, [
    refused(
      400,
      'invalid',
      'There is nothing to predict: send "inputs", or parameters.entity to have features looked up.',
    ),
    refused(403, 'forbidden', 'A page of another origin may not ask for a prediction.'),
    refused(404, 'not_found', 'There is no deployment "snow".'),
    refused(404, 'not_found', 'There is no /nothing.'),
    refused(405, 'wrong_method', 'An inference is asked for with POST.'),
    refused(
      415,
      'unsupported',
      'Content-Encoding: bodies may be compressed with gzip, deflate, and with nothing else.',
    ),
    refused(500, 'model_failed', 'Revision 1 of broken failed: too sure'),
    refused(400, 'invalid', 'instances must be a list of rows, not 7.'),
    refused(406, 'not_acceptable', accept, { error_code: 'INVALID_PARAMETER_VALUE', message: accept }),
  ])
})

test('JSON that would take many times its length of memory is refused before it is read', async () => {
  const { infer } = await bench()

  const headers = { 'x-request-id': 'mine' }
  const long = await infer(`{"id":"${'a'.repeat(16 * 1024 * 1024)}"}`, { headers })
  assert.deepEqual(
    [long.status, long.body],
    [
      413,
      {
        error:
          'The JSON has 16777225 bytes, at most 16777216 are read; send more as binary tensors, or in several requests.',
        code: 'too_large',
        request_id: 'mine',
      },
    ],
  )
  const nested = await infer(`{"inputs":[${'[],'.repeat(1_000_000)}0]}`, { headers })
  assert.deepEqual(
    [nested.status, nested.body],
    [
      413,
      {
        error: 'The JSON has 1000002 lists and objects, at most 1000000 are read.',
        code: 'too_large',
        request_id: 'mine',
      },
    ],
  )
})

test('no bytes whatever end the model server', async () => {
  const made = await bench()
  const random = seededRandom(7)
  const whole = JSON.stringify(inputs([1, 2]))
  const statuses = new Set<number>()
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(whole)
    for (let flips = 1 + Math.floor(random() * 4); flips > 0; flips--)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    statuses.add(
      (await made.infer(i % 10 === 0 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes)).status,
    )
  }
  for (let i = 0; i < 60; i++)
    await raw(made, Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))))
  await raw(
    made,
    'POST /v2/models/rain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nxxxxx',
  )
  await raw(
    made,
    'POST /v2/models/%E0%A4%A/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
  )
  await made.infer(`{"inputs":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)

  assert.ok(
    [...statuses].every(status => status === 200 || status === 400),
    [...statuses].join(),
  )
  assert.deepEqual([(await made.infer(inputs([0, 0]))).status, made.warnings], [200, []])
})

/** Sends bytes on a connection and answers what comes back until it closes or rests. */
function raw({ serving }: Bench, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(serving.url())
  return new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port) })
    let answer = ''
    const done = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(200, done)
    socket
      .on('data', chunk => void (answer += chunk.toString('latin1')))
      .on('close', done)
      .on('error', done)
    // A half-open connection would wait for more.
    socket.end(bytes)
  })
}
