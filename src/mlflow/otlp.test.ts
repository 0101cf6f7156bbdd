import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { encodeRequest } from '#traces'
import { testTraces, type TestTraces } from './trace-testing.ts'

const id = (byte: number, length: number): Buffer => Buffer.alloc(length, byte)
const span = (more: object = {}) => ({
  trace_id: id(1, 16),
  span_id: id(2, 8),
  name: 'step',
  start_time_unix_nano: '1700000000000000000',
  end_time_unix_nano: '1700000001000000000',
  ...more,
})
const trace = `tr-${'01'.repeat(16)}`
const text = (string_value: string) => ({ string_value })
const request = (spans: readonly object[], resource: readonly object[] = []): Buffer =>
  Buffer.from(encodeRequest([{ resource: { attributes: resource }, scope_spans: [{ spans }] }]))
const usage = (input: number) => ({
  key: 'mlflow.chat.tokenUsage',
  value: {
    kvlist_value: {
      values: ['input_tokens', 'total_tokens'].map(key => ({ key, value: { int_value: String(input) } })),
    },
  },
})

async function post({ app }: TestTraces, payload: Buffer, headers: Record<string, string | undefined> = {}) {
  const all = { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': '1', ...headers }
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >
  const reply = await app.inject({ method: 'POST', url: '/v1/traces', headers: sent, payload })
  return { status: reply.statusCode, detail: reply.body === '' ? undefined : reply.json().detail }
}
const ok = { status: 200, detail: undefined }

test('spans of a foreign exporter make a trace: state, time, previews, tokens, session, and tags of its process', async t => {
  const server = await testTraces(t)
  const child = span({
    span_id: id(3, 8),
    parent_span_id: id(2, 8),
    attributes: [usage(5)],
    start_time_unix_nano: '1699999999999000000',
  })
  const root = span({
    status: { code: 2, message: 'boom' },
    attributes: [
      usage(7),
      { key: 'mlflow.spanInputs', value: text('{"messages":[{"role":"user","content":"hi"}]}') },
      { key: 'mlflow.spanOutputs', value: text('y'.repeat(2000)) },
      { key: 'session.id', value: text('s-1') },
      { key: 'mlflow.traceTag.env', value: text('prod') },
    ],
  })
  const resource = [
    { key: 'service.name', value: text('shop') },
    { key: 'telemetry.sdk.name', value: text('otel') },
    { key: 'mlflow.artifactLocation', value: text('file:///etc') },
  ]

  assert.deepEqual(await post(server, request([child], resource)), ok)
  const early = await server.call('GET', `3.0/mlflow/traces/${trace}`)
  assert.deepEqual(await post(server, request([root], resource), { 'x-mlflow-run-id': 'r1' }), ok)

  assert.equal(early.body.trace.trace_info.state, 'IN_PROGRESS')
  const { body } = await server.call('GET', `3.0/mlflow/traces/${trace}`)
  assert.deepEqual(body.trace.trace_info, {
    trace_id: trace,
    trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '1' } },
    request_preview: 'hi',
    response_preview: `${'y'.repeat(997)}...`,
    request_time: '2023-11-14T22:13:19.999Z',
    execution_duration: '1.001s',
    state: 'ERROR',
    trace_metadata: {
      'mlflow.trace.session': 's-1',
      'mlflow.trace.tokenUsage': '{"input_tokens":7,"output_tokens":0,"total_tokens":7}',
    },
    tags: {
      env: 'prod',
      'mlflow.artifactLocation': `mlflow-artifacts:/1/traces/${trace}/artifacts`,
      'mlflow.trace.spansLocation': 'TRACKING_STORE',
      'service.name': 'shop',
    },
  })
})

test('every kind of attribute comes back as it was, also where JSON has no number for it', async t => {
  const server = await testTraces(t)
  const values = {
    text: text('a\0b'),
    int: { int_value: '9223372036854775807' },
    one: { double_value: 1 },
    nan: { double_value: NaN },
    no: { bool_value: false },
    bytes: { bytes_value: id(255, 2) },
    list: { array_value: { values: [{ int_value: '1' }, {}] } },
    map: { kvlist_value: { values: [{ key: '__proto__', value: text('x') }] } },
  }
  await post(server, request([span({ attributes: Object.entries(values).map(([key, value]) => ({ key, value })) })]))

  const { body } = await server.call('GET', '3.0/mlflow/traces/batchGet', { trace_ids: trace })
  const [, ...attributes] = body.traces[0].spans[0].attributes as { key: string; value: object }[]
  assert.deepEqual(Object.fromEntries(attributes.map(({ key, value }) => [key, value])), {
    text: text('ab'),
    int: { int_value: '9223372036854775807' },
    one: { double_value: 1 },
    nan: { double_value: 'NaN' },
    no: { bool_value: false },
    bytes: { bytes_value: '//8=' },
    list: { array_value: { values: [{ int_value: '1' }, {}] } },
    map: { kvlist_value: { values: [{ key: '__proto__', value: text('x') }] } },
  })
})

test('bodies may be packed; what unpacks to too much is refused before it is there', async t => {
  const server = await testTraces(t)
  const body = request([span()])

  assert.deepEqual(await post(server, gzipSync(body), { 'content-encoding': 'gzip' }), ok)
  assert.deepEqual(await post(server, deflateSync(body), { 'content-encoding': 'deflate' }), ok)
  const bomb = await post(server, gzipSync(Buffer.alloc(80 * 1024 * 1024)), { 'content-encoding': 'gzip' })
  const broken = await post(server, body, { 'content-encoding': 'gzip' })
  const odd = await post(server, body, { 'content-encoding': 'br' })
  const large = await post(server, Buffer.alloc(17 * 1024 * 1024))
  assert.deepEqual([bomb.status, broken.status, odd.status, large.status], [400, 400, 400, 400])
  assert.match(bomb.detail, /too large/)
  assert.match(large.detail, /too large/)
})

test('every refusal is a detail: 400 for what cannot be read, 422 for what cannot be kept', async t => {
  const server = await testTraces(t)
  const body = request([span()])
  const status = async (payload: Buffer, headers = {}) => (await post(server, payload, headers)).status

  assert.deepEqual(await post(server, body, { 'content-type': 'application/json' }), {
    status: 400,
    detail: 'Invalid Content-Type: application/json. Expected: application/x-protobuf',
  })
  assert.equal(await status(body, { 'content-type': undefined }), 400)
  assert.deepEqual(await post(server, body, { 'x-mlflow-experiment-id': undefined }), {
    status: 422,
    detail: 'The header x-mlflow-experiment-id is required.',
  })
  assert.equal(await status(body, { 'x-mlflow-experiment-id': '9' }), 422)
  assert.equal(await status(body, { 'x-mlflow-experiment-id': '3' }), 400)
  assert.equal(await status(body, { 'x-mlflow-run-id': 'r9' }), 422)
  assert.equal(await status(Buffer.alloc(0)), 400)
  assert.equal(await status(Buffer.from('no protobuf at all')), 400)
  assert.equal(await status(request([span({ trace_id: id(1, 4) })])), 400)
  assert.equal(await status(request([span({ span_id: id(0, 8) })])), 400)
  assert.equal(await status(body), 200)
  assert.equal(await status(body, { 'x-mlflow-experiment-id': '2' }), 422)
  assert.equal(
    (await server.call('GET', `3.0/mlflow/traces/${trace}`)).body.trace.trace_info.trace_location.mlflow_experiment
      .experiment_id,
    '1',
  )
})

test('hostile bytes are refused: nested without end, or two bytes for each of millions of objects', async t => {
  const server = await testTraces(t)
  const wrap = (tag: number, inner: Buffer): Buffer => {
    const length: number[] = []
    let rest = inner.length
    do length.push((rest % 128) + (rest > 127 ? 128 : 0))
    while ((rest = Math.floor(rest / 128)) > 0)
    return Buffer.concat([Buffer.from([tag, ...length]), inner])
  }
  let nested: Buffer = Buffer.from([8, 1])
  for (let level = 0; level < 20_000; level++) nested = wrap(level % 2 ? 0x2a : 0x0a, nested)
  const attribute = wrap(0x4a, Buffer.concat([Buffer.from([0x0a, 1, 97]), wrap(0x12, nested)]))
  const deep = wrap(0x0a, wrap(0x12, wrap(0x12, attribute)))
  const wide = wrap(0x0a, wrap(0x12, Buffer.alloc(8_000_000, Buffer.from([0x12, 0]))))
  const groups = Buffer.alloc(1_000_000, 0x0b)
  const overlong = wrap(0x0a, Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]))

  for (const payload of [deep, wide, groups, overlong]) {
    const { status, detail } = await post(server, payload)
    assert.equal(status, 400)
    assert.match(detail, /OpenTelemetry/)
  }
  const many = await post(server, request(Array.from({ length: 20_001 }, () => span())))
  assert.deepEqual(many, { status: 400, detail: 'The request has 20001 spans; 20000 are allowed at once.' })
})

test('many bodies that unpack to far too much are refused one after the other, and small ones do not wait', async t => {
  const server = await testTraces(t)
  const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024))
  const finished: string[] = []
  const send = async (name: string, payload: Buffer): Promise<number> => {
    const { status } = await post(server, payload, { 'content-encoding': 'gzip' })
    finished.push(name)
    return status
  }

  const answers = await Promise.all([
    ...Array.from({ length: 6 }, () => send('bomb', bomb)),
    send('small', gzipSync(request([span()]))),
  ])

  assert.deepEqual(answers, [400, 400, 400, 400, 400, 400, 200])
  assert.notEqual(finished.at(-1), 'small')
})
