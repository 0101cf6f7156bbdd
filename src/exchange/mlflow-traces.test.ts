import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { all, experiment, serving } from './mlflow-testing.ts'
import type { CarriedRun, CarriedTrace } from './record.ts'

const id = `tr-${'ab'.repeat(16)}`
const kept = { 'mlflow.trace.spansLocation': 'TRACKING_STORE' }
const traceWith = (tags: Readonly<Record<string, string>>): CarriedTrace => ({
  id,
  requestedAt: 1 as CarriedTrace['requestedAt'],
  state: 'OK',
  metadata: {},
  tags,
  assessments: [],
})

test('traces of version 3 are read page by page, with what is said of them', async t => {
  const { source } = await serving(t, {
    '/api/3.0/mlflow/traces/search': (_, body) => {
      assert.deepEqual(body['locations'], [{ type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '7' } }])
      if (body['page_token'] === 'b') return { traces: [{ trace_id: 'tr-2', request_time: '2026-01-31T12:00:00Z' }] }
      const assessment = {
        assessment_id: 'a-1',
        assessment_name: 'q',
        create_time: '2026-01-31T12:00:00.001Z',
        last_update_time: '2026-01-31T12:00:00.002Z',
        feedback: { error: { error_code: 'C', error_message: 'm' } },
        valid: false,
      }
      const first = { trace_id: id, request_time: '2026-01-31T12:00:00.123Z', execution_duration: '1.5s', state: 'OK' }
      return { traces: [{ ...first, assessments: [assessment], tags: kept }], next_page_token: 'b' }
    },
  })
  const at = Date.parse('2026-01-31T12:00:00Z')
  assert.deepEqual((await all(source.traces(experiment))).flat(), [
    {
      id,
      requestedAt: at + 123,
      durationMs: 1_500,
      state: 'OK',
      metadata: {},
      tags: kept,
      assessments: [
        {
          id: 'a-1',
          name: 'q',
          kind: 'feedback',
          value: 'null',
          error: { code: 'C', message: 'm' },
          valid: false,
          createdAt: at + 1,
          updatedAt: at + 2,
        },
      ],
    },
    { id: 'tr-2', requestedAt: at, state: 'STATE_UNSPECIFIED', metadata: {}, tags: {}, assessments: [] },
  ])
})

test('servers of version 2 are asked in their words, and those before have no traces', async t => {
  const { source } = await serving(t, {
    traces: query => {
      assert.equal(query.get('experiment_ids'), '7')
      return { traces: [{ request_id: 'x', timestamp_ms: 5, status: 'ERROR', tags: [{ key: 'a', value: 'b' }] }] }
    },
  })
  const trace = { id: 'x', requestedAt: 5, state: 'ERROR', metadata: {}, tags: { a: 'b' }, assessments: [] }
  assert.deepEqual((await all(source.traces(experiment))).flat(), [trace])
  assert.deepEqual(await source.tracesOfRun({ id: 'r' } as CarriedRun, experiment), [])
  const { source: none } = await serving(t, {})
  assert.deepEqual(await all(none.traces(experiment)), [])
})

const nanos = '1795916756540238832'
const spanJson = `{"trace_id":"q6urq6urq6urq6urq6urqw==","span_id":"AQEBAQEBAQE=","name":"s","start_time_unix_nano":${nanos},"attributes":[{"key":"big","value":{"int_value":1152921504606846977}}],"status":{"code":"STATUS_CODE_ERROR","message":"m"}}`
const span = {
  trace_id: 'q6urq6urq6urq6urq6urqw==',
  span_id: 'AQEBAQEBAQE=',
  name: 's',
  start_time_unix_nano: nanos,
  attributes: [{ key: 'big', value: { int_value: '1152921504606846977' } }],
  status: { code: 2, message: 'm' },
}

test('spans keep every digit, whichever way a server gives them', async t => {
  const whole = { '/api/3.0/mlflow/traces/get': () => ({ body: `{"trace":{"spans":[${spanJson}]}}` }) }
  const batch = { '/api/3.0/mlflow/traces/batchGet': () => ({ body: `{"traces":[{"spans":[${spanJson}]}]}` }) }
  for (const routes of [whole, batch]) {
    const { source } = await serving(t, routes)
    assert.deepEqual(await source.traceContent(traceWith(kept)), { spans: [span], files: [] })
  }
  const ofFile = spanJson.replace(
    /"attributes":\[.*?\]/,
    `"attributes":{"big":"1152921504606846977","f":"1.0","n":"NaN"}`,
  )
  const { source } = await serving(t, {
    '/ajax-api/2.0/mlflow/get-trace-artifact': () => ({ body: `{"spans":[${ofFile}]}` }),
  })
  const { spans } = await source.traceContent(traceWith(kept))
  assert.deepEqual((spans[0] as typeof span).attributes, [
    { key: 'big', value: { int_value: '1152921504606846977' } },
    { key: 'f', value: { double_value: 1 } },
    { key: 'n', value: { string_value: 'NaN' } },
  ])
})

test('spans that a client has put into a file stay one, and what they name comes along', async t => {
  const file = '{"spans":[{"name":"mlflow-attachment://0a-1?content_type=image%2Fpng"}]}'
  const { source } = await serving(t, {
    '/ajax-api/2.0/mlflow/get-trace-artifact': query => ({ body: query.get('path') ?? file }),
  })
  const { spans, files } = await source.traceContent(traceWith({ 'mlflow.artifactLocation': 's3://bucket/x' }))
  assert.deepEqual(spans, [])
  assert.deepEqual(await Promise.all(files.map(async each => [each.path, await text(await each.open())])), [
    ['traces.json', file],
    ['attachments/0a-1', '0a-1'],
  ])
  const { source: empty } = await serving(t, {})
  assert.deepEqual(await empty.traceContent(traceWith({})), { spans: [], files: [] })
})
