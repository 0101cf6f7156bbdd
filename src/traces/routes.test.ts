import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '#http'
import { manualClock, type Millis } from '#kernel/clock.ts'
import { notFound } from '#kernel/error.ts'
import { testEngines } from '#storage/testing.ts'
import { encodeRequest } from './otlp-message.ts'
import { traceRoutes } from './routes.ts'
import { sqlTraceStore } from './store.sql.ts'
import { traceMigrations } from './tables.ts'
import { createTraces } from './traces.ts'

test('traces of an experiment are paged, filtered and ordered, and read with their spans, by whoever may read it', async t => {
  const db = await testEngines()[0]!.open(t, traceMigrations)
  const experiments = {
    async get(id: string) {
      if (id !== '1') throw notFound('experiment', id)
      return { id, project: 'rain', artifactLocation: 'mlflow-artifacts:/1', lifecycle: 'active' as const }
    },
  }
  const traces = createTraces({
    store: sqlTraceStore(db),
    experiments,
    runs: { get: async id => ({ id, experimentId: '1', project: 'rain' }) },
    files: { text: async () => undefined },
    clock: manualClock(),
    pause: async () => {},
  })
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  const asked: unknown[] = []
  app.decorateRequest('permit', async (permission, looked) => {
    const resource = await looked
    asked.push([permission, resource])
    return resource
  })
  traceRoutes(app, { traces, experiments })
  for (const requestedAt of [1, 2, 3])
    await traces.describe({
      id: `tr-${requestedAt}`,
      experimentId: '1',
      requestedAt: requestedAt as Millis,
      state: requestedAt === 2 ? 'ERROR' : 'OK',
      metadata: {},
      tags: { a: 'b' },
      assessments: [{ name: 'q', kind: 'feedback', value: '1', valid: true }],
    })
  const span = { trace_id: Buffer.alloc(16, 1), span_id: Buffer.alloc(8, 2), name: 's', start_time_unix_nano: '5' }
  await traces.ingest('1', encodeRequest([{ scope_spans: [{ spans: [span] }] }]))
  const get = async (url: string) => {
    const reply = await app.inject({ method: 'GET', url })
    return { status: reply.statusCode, body: reply.json() }
  }
  const ids = (body: { items: { id: string }[] }) => body.items.map(({ id }) => id)

  const first = await get('/api/v1/experiments/1/traces?limit=2')
  const second = await get(`/api/v1/experiments/1/traces?limit=2&after=${first.body.next}`)
  const filtered = await get(
    `/api/v1/experiments/1/traces?filter=${encodeURIComponent("status = 'ERROR' OR timestamp_ms = 3")}&order=timestamp_ms`,
  )
  const whole = await get(`/api/v1/traces/tr-${'01'.repeat(16)}`)

  assert.deepEqual(
    [ids(first.body), ids(second.body)],
    [
      ['tr-3', 'tr-2'],
      ['tr-1', `tr-${'01'.repeat(16)}`],
    ],
  )
  assert.deepEqual(ids(filtered.body), ['tr-2', 'tr-3'])
  assert.equal(JSON.parse(whole.body.spans[0]).start_time_unix_nano, '5')
  assert.deepEqual(first.body.items[0].assessments[0].value, '1')
  assert.deepEqual(asked[0], ['read', { project: 'rain', kind: 'experiment', id: '1' }])
  assert.equal(asked.length, 4)
  assert.equal((await get('/api/v1/experiments/9/traces')).status, 404)
  assert.equal((await get('/api/v1/traces/tr-9')).status, 404)
  assert.equal((await get('/api/v1/experiments/1/traces?filter=bogus')).status, 422)
})
