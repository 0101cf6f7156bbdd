import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testTraces, type TestTraces } from './trace-testing.ts'

const source = { source_type: 'HUMAN', source_id: 'me' }
const path = '3.0/mlflow/traces/tr-1/assessments'

async function open(t: Parameters<typeof testTraces>[0]): Promise<TestTraces> {
  const server = await testTraces(t)
  for (const trace_id of ['tr-1', 'tr-2'])
    await server.call('POST', '3.0/mlflow/traces', {
      trace: {
        trace_info: {
          trace_id,
          trace_location: { mlflow_experiment: { experiment_id: '1' } },
          request_time: '2026-01-01T00:00:00Z',
        },
      },
    })
  return server
}
const add = async ({ call }: TestTraces, assessment: object) =>
  (await call('POST', path, { assessment })).body.assessment

test('feedback and expectations keep any JSON as it was sent', async t => {
  const server = await open(t)
  for (const value of [true, 'good', 0.5, null, [1, null, { aB: 1 }], { aB: { n: null } }]) {
    const made = await add(server, { assessment_name: 'f', source, feedback: { value } })
    assert.deepEqual((await server.call('GET', `${path}/${made.assessment_id}`)).body.assessment.feedback, { value })
  }
  const time = new Date(server.clock.now()).toISOString()
  const { assessment_id, ...made } = await add(server, {
    assessment_name: 'e',
    assessment_id: 'a-mine',
    span_id: 's',
    expectation: { serialized_value: { serialization_format: 'JSON_FORMAT', value: '{"aB": [1]}' } },
    rationale: 'why',
    metadata: { aKey: 'x' },
  })

  assert.match(assessment_id, /^a-[0-9a-f]{32}$/)
  assert.deepEqual(made, {
    assessment_name: 'e',
    trace_id: 'tr-1',
    span_id: 's',
    create_time: time,
    last_update_time: time,
    expectation: { serialized_value: { serialization_format: 'JSON_FORMAT', value: '{"aB":[1]}' } },
    rationale: 'why',
    metadata: { aKey: 'x' },
    valid: true,
  })
})

test('an assessment that overrides another makes it invalid, until it is deleted', async t => {
  const server = await open(t)
  const first = await add(server, { assessment_name: 'q', source, feedback: { value: 1 } })
  const second = await add(server, { assessment_name: 'q', feedback: { value: 2 }, overrides: first.assessment_id })
  const valid = async () => (await server.call('GET', `${path}/${first.assessment_id}`)).body.assessment.valid

  assert.deepEqual([second.overrides, await valid()], [first.assessment_id, false])
  assert.deepEqual(await server.call('DELETE', `${path}/${second.assessment_id}`), { status: 200, body: {} })
  assert.equal(await valid(), true)
  assert.deepEqual(await server.call('DELETE', `${path}/${second.assessment_id}`), { status: 200, body: {} })
  const none = await server.call('POST', path, { assessment: { assessment_name: 'q', feedback: {}, overrides: 'a-0' } })
  assert.deepEqual([none.status, none.body.error_code], [404, 'RESOURCE_DOES_NOT_EXIST'])
})

test('an update changes what its mask names, merges metadata, and never the kind', async t => {
  const server = await open(t)
  const made = await add(server, {
    assessment_name: 'q',
    feedback: { value: 1, error: { error_code: 'E' } },
    metadata: { a: '1' },
  })
  server.clock.advance(1000)
  const update = (update_mask: string, assessment: object) =>
    server.call('PATCH', `${path}/${made.assessment_id}`, { assessment, update_mask })

  const { body } = await update('assessmentName,feedback,metadata', {
    assessment_name: 'r',
    feedback: { value: 2 },
    metadata: { b: '2' },
    rationale: 'not named',
  })
  assert.deepEqual(body.assessment, {
    ...made,
    assessment_name: 'r',
    feedback: { value: 2 },
    metadata: { a: '1', b: '2' },
    last_update_time: new Date(server.clock.now()).toISOString(),
  })
  assert.equal((await update('expectation', { expectation: { value: 1 } })).status, 400)
  assert.equal((await update('assessment_id', {})).status, 400)
})

test('an assessment belongs to its trace, and needs a kind', async t => {
  const server = await open(t)
  const { assessment_id } = await add(server, { assessment_name: 'q', feedback: { value: 1 } })

  const elsewhere = await server.call('GET', `3.0/mlflow/traces/tr-2/assessments/${assessment_id}`)
  const bare = await server.call('POST', path, { assessment: { assessment_name: 'q' } })
  const both = await server.call('POST', path, { assessment: { assessment_name: 'q', feedback: {}, expectation: {} } })
  const noTrace = await server.call('POST', '3.0/mlflow/traces/tr-9/assessments', {
    assessment: { assessment_name: 'q', feedback: {} },
  })

  assert.deepEqual([elsewhere.status, bare.status, both.status, noTrace.status], [404, 400, 400, 404])
  assert.match((await server.call('POST', path, { assessment: {} })).body.message, /'assessment.assessment_name'/)
})
