import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRequest } from '#traces'
import { testTraces, type TestTraces } from './trace-testing.ts'

const trace = 'tr-000102030405060708090a0b0c0d0e0f'
const traceBytes = Buffer.from(trace.slice(3), 'hex')
const at = 1_700_000_000_000

const info = (more: object = {}) => ({
  trace_id: trace,
  trace_location: { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '1' } },
  request_time: new Date(at).toISOString(),
  execution_duration: '0.114s',
  state: 'OK',
  ...more,
})
const describe = ({ call }: TestTraces, more: object = {}) =>
  call('POST', '3.0/mlflow/traces', { trace: { trace_info: info(more) } })
const root = (more: object = {}) => ({
  trace_id: traceBytes,
  span_id: Buffer.alloc(8, 1),
  name: 'root',
  start_time_unix_nano: `${at}000001`,
  end_time_unix_nano: `${at + 500}000000`,
  status: { code: 1 },
  ...more,
})
const send = ({ app }: TestTraces, spans: readonly object[]) =>
  app.inject({
    method: 'POST',
    url: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': '1' },
    payload: Buffer.from(encodeRequest([{ scope_spans: [{ spans }] }])),
  })
const tags = {
  'mlflow.artifactLocation': `mlflow-artifacts:/1/traces/${trace}/artifacts`,
  'mlflow.trace.spansLocation': 'TRACKING_STORE',
}

test('a trace is described, keeps the words of its labels as they are, and is read back', async t => {
  const server = await testTraces(t)
  const labels = {
    trace_metadata: { camelCase: '1' },
    tags: { myTag: 'Ü', 'mlflow.trace.spansLocation': 'TRACKING_STORE' },
  }
  const made = await describe(server, { ...labels, request_preview: 'q', client_request_id: 'c' })

  const { 'mlflow.artifactLocation': location } = tags
  assert.deepEqual(made, {
    status: 200,
    body: {
      trace: {
        trace_info: {
          ...info({ request_preview: 'q', client_request_id: 'c' }),
          trace_metadata: { camelCase: '1', 'mlflow.trace.infoFinalized': 'true' },
          tags: { 'mlflow.artifactLocation': location, myTag: 'Ü' },
        },
      },
    },
  })
  assert.deepEqual(await server.call('GET', `3.0/mlflow/traces/${trace}`), made)
  assert.deepEqual(await server.call('POST', '3.0/mlflow/traces/batchGetInfos', { trace_ids: [trace, 'tr-0'] }), {
    status: 200,
    body: { trace_infos: [made.body.trace.trace_info] },
  })
})

test('spans make a trace, and its description may come before or after them', async t => {
  for (const first of ['spans', 'description']) {
    const server = await testTraces(t)
    const steps = { spans: () => send(server, [root()]), description: () => describe(server, { state: 'ERROR' }) }
    for (const step of first === 'spans' ? (['spans', 'description'] as const) : (['description', 'spans'] as const))
      await steps[step]()

    const { body } = await server.call('GET', '3.0/mlflow/traces/get', { trace_id: trace })
    assert.deepEqual(
      body.trace.trace_info,
      info({ state: 'ERROR', tags, trace_metadata: { 'mlflow.trace.infoFinalized': 'true' } }),
      first,
    )
    assert.deepEqual(body.trace.spans, [
      {
        trace_id: traceBytes.toString('base64'),
        span_id: 'AQEBAQEBAQE=',
        name: 'root',
        start_time_unix_nano: `${at}000001`,
        end_time_unix_nano: `${at + 500}000000`,
        attributes: [{ key: 'mlflow.traceRequestId', value: { string_value: trace } }],
        events: [],
        status: { code: 'STATUS_CODE_OK' },
      },
    ])
  }
})

test('a trace is whole once it has as many spans as its maker counted; get waits a little, batchGet leaves it out', async t => {
  const server = await testTraces(t)
  await describe(server, { trace_metadata: { 'mlflow.trace.sizeStats': '{"num_spans": 2}' } })
  await send(server, [root()])

  const waited = await server.call('GET', '3.0/mlflow/traces/get', { trace_id: trace })
  const partial = await server.call('GET', '3.0/mlflow/traces/get', { trace_id: trace, allow_partial: 'true' })
  const left = await server.call('GET', '3.0/mlflow/traces/batchGet', { trace_ids: trace })
  await send(server, [root({ span_id: Buffer.alloc(8, 2), parent_span_id: Buffer.alloc(8, 1), name: 'child' })])
  const whole = await server.call('GET', '3.0/mlflow/traces/batchGet', { trace_ids: ['tr-0', trace, trace] })

  assert.deepEqual(
    [waited.status, waited.body.error_code, server.pauses],
    [404, 'RESOURCE_DOES_NOT_EXIST', [1000, 2000]],
  )
  assert.equal(partial.body.trace.spans.length, 1)
  assert.deepEqual(left.body, { traces: [] })
  assert.deepEqual(
    whole.body.traces.map((each: { spans: { name: string }[] }) => each.spans.map(({ name }) => name)),
    [['root', 'child']],
  )
})

test('search finds by filter, order and page, in experiments that are there', async t => {
  const server = await testTraces(t)
  for (const [index, env] of ['a', 'b', 'a'].entries())
    await describe(server, { trace_id: `tr-${index}`, request_time: new Date(at + index).toISOString(), tags: { env } })
  const search = async (more: object) => {
    const locations = ['1', '9'].map(experiment_id => ({ mlflow_experiment: { experiment_id } }))
    const { status, body } = await server.call('POST', '3.0/mlflow/traces/search', { locations, ...more })
    return {
      status,
      ids: body.traces?.map((each: { trace_id: string }) => each.trace_id),
      next: body.next_page_token,
      ...body,
    }
  }

  assert.deepEqual((await search({ filter: "tag.env = 'a'" })).ids, ['tr-2', 'tr-0'])
  const first = await search({ max_results: 2, order_by: ['timestamp_ms ASC'] })
  const second = await search({ max_results: 2, order_by: ['timestamp_ms ASC'], page_token: first.next })
  assert.deepEqual([first.ids, second.ids, second.next], [['tr-0', 'tr-1'], ['tr-2'], undefined])
  for (const wrong of [
    { filter: 'bogus = 1' },
    { filter: '   ' },
    { order_by: ['bogus'] },
    { max_results: 501 },
    { max_results: 0 },
    { page_token: 'x' },
    { page_token: first.next },
    { page_token: first.next, order_by: ['timestamp_ms ASC'], filter: "tag.env = 'a'" },
    { locations: [{ inference_table: {} }] },
  ]) {
    const { status, error_code } = await search(wrong)
    assert.deepEqual([status, error_code], [400, 'INVALID_PARAMETER_VALUE'], JSON.stringify(wrong))
  }
})

test('tags are set and deleted over both versions; a tag that is not there is named', async t => {
  const server = await testTraces(t)
  await describe(server)

  await server.call('PATCH', `2.0/mlflow/traces/${trace}/tags`, { key: 'a', value: '1' })
  await server.call('PATCH', `3.0/mlflow/traces/${trace}/tags`, { key: 'b', value: 'x'.repeat(9000) })
  await server.call('DELETE', `3.0/mlflow/traces/${trace}/tags`, { key: 'a' })

  const { body } = await server.call('GET', `3.0/mlflow/traces/${trace}`)
  const { b, a } = body.trace.trace_info.tags
  assert.deepEqual([b.length, a], [8000, undefined])
  const again = await server.call('DELETE', `2.0/mlflow/traces/${trace}/tags`, { key: 'a' })
  assert.deepEqual([again.status, /No tag with name: a/.test(again.body.message)], [404, true])
  assert.equal((await server.call('PATCH', '2.0/mlflow/traces/tr-0/tags', { key: 'a', value: '' })).status, 404)
  assert.equal((await server.call('PATCH', `2.0/mlflow/traces/${trace}/tags`, { key: 'k'.repeat(251) })).status, 400)
})

test('traces are deleted by ids or by time, never by both or neither', async t => {
  const server = await testTraces(t)
  for (const id of ['tr-1', 'tr-2', 'tr-3']) await describe(server, { trace_id: id })
  const remove = async (body: object) => {
    const reply = await server.call('POST', '3.0/mlflow/traces/delete-traces', { experiment_id: 1, ...body })
    return reply.body.traces_deleted ?? reply.status
  }

  assert.equal(await remove({ request_ids: ['tr-1', 'tr-0'] }), 1)
  assert.equal(await remove({ max_timestamp_millis: at, max_traces: 1 }), 1)
  assert.equal(await remove({ max_timestamp_millis: at - 1 }), 0)
  assert.equal(await remove({ max_timestamp_millis: String(at) }), 1)
  for (const wrong of [
    {},
    { request_ids: ['a'], max_timestamp_millis: 1 },
    { max_timestamp_millis: 1, max_traces: 0 },
    { request_ids: ['a'], max_traces: 1 },
  ])
    assert.equal(await remove(wrong), 400, JSON.stringify(wrong))
})

test('traces are tied to a run and to prompts, and found by them', async t => {
  const server = await testTraces(t)
  await describe(server)
  const link = (body: object) => server.call('POST', '2.0/mlflow/traces/link-to-run', body)

  assert.deepEqual(await link({ trace_ids: [trace, 'tr-0'], run_id: 'r1' }), { status: 200, body: {} })
  await server.call('POST', '2.0/mlflow/traces/link-prompts', {
    trace_id: trace,
    prompt_versions: [{ name: 'p', version: '3' }],
  })

  for (const filter of ["run_id = 'r1'", "prompt = 'p/3'"]) {
    const locations = [{ mlflow_experiment: { experiment_id: '1' } }]
    const { body } = await server.call('POST', '3.0/mlflow/traces/search', { locations, filter })
    assert.equal(body.traces.length, 1, filter)
  }
  assert.equal((await link({ trace_ids: [trace], run_id: 'r9' })).status, 404)
  const many = Array.from({ length: 101 }, (_, index) => `tr-${index}`)
  assert.equal((await link({ trace_ids: many, run_id: 'r1' })).status, 400)
})

test('two filters are correlated: counts, and NPMI with and without smoothing', async t => {
  const server = await testTraces(t)
  for (const [index, state] of ['OK', 'OK', 'ERROR'].entries())
    await describe(server, { trace_id: `tr-${index}`, state, tags: { env: index === 0 ? 'a' : 'b' } })
  const correlate = async (filter_string1: string, filter_string2: string) =>
    (
      await server.call('POST', '3.0/mlflow/traces/calculate-filter-correlation', {
        experiment_ids: ['1'],
        filter_string1,
        filter_string2,
      })
    ).body

  const { npmi, npmi_smoothed, ...counts } = await correlate("tag.env = 'a'", "status = 'OK'")
  assert.deepEqual(counts, { filter1_count: 1, filter2_count: 2, joint_count: 1, total_count: 3 })
  assert.deepEqual([npmi.toFixed(6), npmi_smoothed.toFixed(6)], ['0.369070', '0.185339'])
  assert.equal((await correlate("tag.env = 'a'", "status = 'ERROR'")).npmi, -1)
  assert.equal((await correlate("tag.env = 'none'", "status = 'OK'")).npmi, 'NaN')
})

test('a client of version 2 begins and ends a trace, and finds it in its own form', async t => {
  const server = await testTraces(t)
  const begun = await server.call('POST', '2.0/mlflow/traces', {
    experiment_id: '1',
    timestamp_ms: at,
    request_metadata: [{ key: 'camelCase', value: '1' }],
    tags: [{ key: 'mlflow.traceName', value: 'f' }],
  })
  const { request_id } = begun.body.trace_info
  const ended = await server.call('PATCH', `2.0/mlflow/traces/${request_id}`, {
    timestamp_ms: at + 30,
    status: 'ERROR',
    request_metadata: [{ key: 'm', value: '2' }],
    tags: [],
  })

  assert.match(request_id, /^[0-9a-f]{32}$/)
  assert.equal(begun.body.trace_info.status, 'IN_PROGRESS')
  assert.deepEqual(ended.body.trace_info, {
    request_id,
    experiment_id: '1',
    timestamp_ms: at,
    execution_time_ms: 30,
    status: 'ERROR',
    request_metadata: [
      { key: 'camelCase', value: '1' },
      { key: 'm', value: '2' },
    ],
    tags: [
      { key: 'mlflow.artifactLocation', value: `mlflow-artifacts:/1/traces/${request_id}/artifacts` },
      { key: 'mlflow.traceName', value: 'f' },
    ],
  })
  assert.deepEqual((await server.call('GET', `2.0/mlflow/traces/${request_id}/info`)).body, ended.body)
  const found = await server.call('GET', '2.0/mlflow/traces', { experiment_ids: ['1', '2'], filter: "name = 'f'" })
  assert.deepEqual(found.body, { traces: [ended.body.trace_info] })
})

test('spans are given out as a file, from here or from where a client has put them', async t => {
  const server = await testTraces(t)
  await send(server, [root({ attributes: [{ key: 'n', value: { int_value: '9007199254740993' } }] })])
  await describe(server, { trace_id: 'tr-old' })
  const file = (id: string) =>
    server.app.inject({ method: 'GET', url: `/ajax-api/3.0/mlflow/get-trace-artifact?request_id=${id}` })

  const own = await file(trace)
  const missing = await file('tr-old')
  server.files.set('1/traces/tr-old/artifacts/traces.json', '{"spans": [{"name": "kept"}]}')
  const kept = await file('tr-old')

  assert.equal(own.headers['content-disposition'], 'attachment; filename="traces.json"')
  assert.match(own.body, new RegExp(`"start_time_unix_nano":${at}000001,"end_time_unix_nano":${at + 500}000000,`))
  assert.deepEqual(JSON.parse(own.body).spans[0].attributes['mlflow.traceRequestId'], `"${trace}"`)
  assert.deepEqual([missing.statusCode, kept.body], [404, '{"spans": [{"name": "kept"}]}'])
})

test('a trace stays in its experiment, and a deleted experiment takes none', async t => {
  const server = await testTraces(t)
  await describe(server)
  const to = (experiment_id: string) => describe(server, { trace_location: { mlflow_experiment: { experiment_id } } })

  assert.deepEqual([(await to('2')).status, (await to('3')).status, (await to('9')).status], [400, 400, 404])
  assert.equal((await describe(server, { trace_id: '../x' })).status, 400)
})
