import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeRequest } from '#traces'
import { testTraces, type TestTraces } from './trace-testing.ts'

const trace = `tr-${'01'.repeat(16)}`
const span = {
  trace_id: Buffer.alloc(16, 1),
  span_id: Buffer.alloc(8, 2),
  name: 'secret',
  start_time_unix_nano: '1700000000000000000',
}
const info = {
  trace_id: trace,
  trace_location: { mlflow_experiment: { experiment_id: '1' } },
  request_time: '2026-01-01T00:00:00Z',
}

/** A trace, an assessment, a dataset with a record and a scorer in experiment 1, of project rain. */
async function fill(server: TestTraces): Promise<{ assessment: string; dataset: string }> {
  await otlp(server)
  await server.call('POST', '3.0/mlflow/traces', { trace: { trace_info: info } })
  const body = { assessment: { assessment_name: 'secret', feedback: { value: 1 } } }
  const said = await server.call('POST', `3.0/mlflow/traces/${trace}/assessments`, body)
  const made = await server.call('POST', '3.0/mlflow/datasets/create', { name: 'secret', experiment_ids: ['1'] })
  const scorer = { experiment_id: '1', name: 's', serialized_scorer: '{}' }
  await server.call('POST', '3.0/mlflow/scorers/register', scorer)
  return { assessment: said.body.assessment.assessment_id, dataset: made.body.dataset.dataset_id }
}

const otlp = ({ app }: TestTraces) =>
  app.inject({
    method: 'POST',
    url: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf', 'x-mlflow-experiment-id': '1' },
    payload: Buffer.from(encodeRequest([{ scope_spans: [{ spans: [span] }] }])),
  })

type Call = readonly [method: string, path: string, body?: object]

const reads = (assessment: string, dataset: string): readonly Call[] => [
  ['GET', `3.0/mlflow/traces/${trace}`],
  ['GET', '3.0/mlflow/traces/get', { trace_id: trace }],
  ['GET', `2.0/mlflow/traces/${trace}/info`],
  ['GET', `3.0/mlflow/traces/${trace}/assessments/${assessment}`],
  ['GET', `3.0/mlflow/datasets/${dataset}`],
  ['GET', `3.0/mlflow/datasets/${dataset}/records`],
  ['GET', `3.0/mlflow/datasets/${dataset}/experiment-ids`],
  ['GET', '3.0/mlflow/scorers/list', { experiment_id: '1' }],
  ['GET', '3.0/mlflow/scorers/get', { experiment_id: '1', name: 's' }],
  ['GET', '3.0/mlflow/scorers/versions', { experiment_id: '1', name: 's' }],
]

const writes = (assessment: string, dataset: string): readonly Call[] => [
  ['POST', '3.0/mlflow/traces', { trace: { trace_info: info } }],
  ['POST', '2.0/mlflow/traces', { experiment_id: '1', timestamp_ms: 1 }],
  ['PATCH', `2.0/mlflow/traces/${trace}`, { timestamp_ms: 1 }],
  ['PATCH', `2.0/mlflow/traces/${trace}/tags`, { key: 'a', value: 'b' }],
  ['PATCH', `3.0/mlflow/traces/${trace}/tags`, { key: 'a', value: 'b' }],
  ['DELETE', `2.0/mlflow/traces/${trace}/tags`, { key: 'a' }],
  ['DELETE', `3.0/mlflow/traces/${trace}/tags`, { key: 'a' }],
  ['POST', '2.0/mlflow/traces/link-to-run', { trace_ids: [trace], run_id: 'r1' }],
  ['POST', '2.0/mlflow/traces/link-prompts', { trace_id: trace, prompt_versions: [] }],
  ['POST', '2.0/mlflow/traces/delete-traces', { experiment_id: '1', request_ids: [trace] }],
  ['POST', '3.0/mlflow/traces/delete-traces', { experiment_id: '1', request_ids: [trace] }],
  ['POST', `3.0/mlflow/traces/${trace}/assessments`, { assessment: { assessment_name: 'x', feedback: {} } }],
  ['PATCH', `3.0/mlflow/traces/${trace}/assessments/${assessment}`, { assessment: {}, update_mask: 'rationale' }],
  ['DELETE', `3.0/mlflow/traces/${trace}/assessments/${assessment}`],
  ['POST', '3.0/mlflow/datasets/create', { name: 'x', experiment_ids: ['1'] }],
  ['PATCH', `3.0/mlflow/datasets/${dataset}/tags`, { tags: '{}' }],
  ['DELETE', `3.0/mlflow/datasets/${dataset}/tags/a`],
  ['POST', `3.0/mlflow/datasets/${dataset}/records`, { records: '[]' }],
  ['DELETE', `3.0/mlflow/datasets/${dataset}/records`, { dataset_record_ids: [] }],
  ['POST', `3.0/mlflow/datasets/${dataset}/add-experiments`, { experiment_ids: ['2'] }],
  ['POST', `3.0/mlflow/datasets/${dataset}/remove-experiments`, { experiment_ids: ['1'] }],
  ['DELETE', `3.0/mlflow/datasets/${dataset}`],
  ['POST', '3.0/mlflow/scorers/register', { experiment_id: '1', name: 's', serialized_scorer: '{}' }],
  ['DELETE', '3.0/mlflow/scorers/delete', { experiment_id: '1', name: 's' }],
]

test('who may read an experiment reads what is in it, and is refused every change', async t => {
  const server = await testTraces(t)
  const { assessment, dataset } = await fill(server)
  server.limits.set('rain', 'read')

  for (const [method, path, body] of reads(assessment, dataset))
    assert.equal((await server.call(method, path, body)).status, 200, `${method} ${path}`)
  for (const [method, path, body] of writes(assessment, dataset))
    assert.deepEqual((await server.call(method, path, body)).body.error_code, 'PERMISSION_DENIED', `${method} ${path}`)
  const refused = await otlp(server)
  assert.deepEqual([refused.statusCode, refused.json()], [403, { detail: 'You may not edit here.' }])
})

test('who may not read an experiment is refused every call about it, and lists leave it out', async t => {
  const server = await testTraces(t)
  const { assessment, dataset } = await fill(server)
  server.limits.set('rain', 'nothing')

  const ofDataset = `3.0/mlflow/datasets/${dataset}`
  for (const [method, path, body] of [...reads(assessment, dataset), ...writes(assessment, dataset)])
    if (method !== 'DELETE' || path !== ofDataset)
      assert.deepEqual((await server.call(method, path, body)).status, 403, `${method} ${path}`)
  // A dataset that is not there is deleted already.
  assert.deepEqual((await server.call('DELETE', ofDataset)).body, {})
  for (const version of ['2.0', '3.0']) {
    const url = `/ajax-api/${version}/mlflow/get-trace-artifact?request_id=${trace}`
    assert.equal((await server.app.inject({ method: 'GET', url })).statusCode, 403)
  }
  const everywhere = { locations: ['1', '2'].map(experiment_id => ({ mlflow_experiment: { experiment_id } })) }
  const both = { experiment_ids: ['1', '2'] }
  const filters = { filter_string1: 'timestamp_ms > 0', filter_string2: 'timestamp_ms > 0' }
  for (const [method, path, body, left] of [
    ['GET', '3.0/mlflow/traces/batchGet', { trace_ids: trace }, { traces: [] }],
    ['POST', '3.0/mlflow/traces/batchGetInfos', { trace_ids: [trace] }, { trace_infos: [] }],
    ['POST', '3.0/mlflow/traces/search', everywhere, { traces: [] }],
    ['GET', '2.0/mlflow/traces', both, { traces: [] }],
    ['POST', '3.0/mlflow/datasets/search', both, { datasets: [] }],
    ['POST', '3.0/mlflow/datasets/search', {}, { datasets: [] }],
    ['GET', '3.0/mlflow/scorers/list', both, { scorers: [] }],
  ] as const)
    assert.deepEqual((await server.call(method, path, body)).body, left, path)
  const { body } = await server.call('POST', '3.0/mlflow/traces/calculate-filter-correlation', { ...both, ...filters })
  assert.equal(body.total_count, 0)
  server.limits.clear()
  assert.equal((await server.call('GET', ofDataset)).status, 200)
})

test('a trace of an experiment that may not be read cannot be tied to a run of one that may', async t => {
  const server = await testTraces(t)
  const trace_location = { mlflow_experiment: { experiment_id: '2' } }
  await server.call('POST', '3.0/mlflow/traces', { trace: { trace_info: { ...info, trace_location } } })
  server.limits.set('sun', 'nothing')

  const linked = await server.call('POST', '2.0/mlflow/traces/link-to-run', { trace_ids: [trace], run_id: 'r1' })

  server.limits.clear()
  const { body } = await server.call('GET', '2.0/mlflow/traces', { experiment_ids: '2', filter: "run_id = 'r1'" })
  assert.deepEqual([linked.status, body], [200, { traces: [] }])
})
