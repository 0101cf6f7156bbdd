import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { conflict, invalid, notFound } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import type { Monitoring } from './monitoring.ts'
import { monitoringRoutes } from './routes.ts'

const at = 1_000 as never
const window = {
  id: newId<'window'>('win'),
  deployment: 'rain',
  revision: 'rev_1',
  from: at,
  to: at,
  rows: 60,
  signals: [
    { kind: 'performance' as const, name: 'brier', state: 'ok' as const, score: 0.1, threshold: 2.33, because: 'z' },
  ],
  performance: { metric: 'brier', maturity: 1, rows: 60, z: 0.1 },
  reference: 'all',
  evaluatedAt: at,
}
const incident = {
  id: newId<'incident'>('inc'),
  project: 'weather',
  source: 'weather',
  kind: 'contract' as const,
  severity: 'page' as const,
  state: 'open' as const,
  title: 't',
  evidence: ['e'],
  causes: [],
  violations: [],
  windows: [],
  openedAt: at,
}

/** The HTTP edge alone: what it lets through, what it refuses, what it answers. */
async function open(t: TestContext) {
  const app = await createApp({ version: '0' })
  t.after(() => app.close())
  monitoringRoutes(app, {
    recordTruth: async (deployment: string, items: readonly unknown[]) => {
      if (deployment !== 'rain') throw notFound('deployment', deployment)
      if (items.length > 1) throw invalid('no', [{ field: 'items[1].value', allowed: '0 or 1' }])
      return { recorded: items.length, unchanged: 0 }
    },
    windows: async () => ({ items: [window], next: '7' }),
    window: async (id: string) => (id === window.id ? window : Promise.reject(notFound('window', id))),
    incidents: async (filter: { state?: string }) => ({ items: filter.state === 'open' ? [incident] : [] }),
    incident: async () => incident,
    acknowledge: async (_: string, { state, actor }: { state: string; actor: string }) =>
      state === 'resolved' ? Promise.reject(conflict('done')) : { ...incident, state, resolution: actor },
    feedback: async () => ({ items: [] }),
    monitors: async () => [],
  } as unknown as Monitoring)
  return async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/api/v1${url}`, ...(payload && { payload }) })
    return { status: reply.statusCode, body: reply.json() }
  }
}

test('windows, incidents and feedback are read as pages', async t => {
  const call = await open(t)

  assert.deepEqual(await call('GET', '/deployments/rain/windows?limit=1'), {
    status: 200,
    body: { items: [window], next: '7' },
  })
  assert.deepEqual(await call('GET', '/projects/weather/incidents?state=open'), {
    status: 200,
    body: { items: [incident] },
  })
  assert.deepEqual(await call('GET', '/projects/weather/feedback'), { status: 200, body: { items: [] } })
  assert.deepEqual(await call('GET', '/projects/weather/monitors'), { status: 200, body: { items: [] } })
  assert.equal((await call('GET', `/windows/${window.id}`)).body.signals[0].name, 'brier')
})

test('who acknowledges is on record, and what is resolved stays so', async t => {
  const call = await open(t)

  const acknowledged = await call('POST', `/incidents/${incident.id}`, { state: 'acknowledged' })
  const resolved = await call('POST', `/incidents/${incident.id}`, { state: 'resolved' })

  assert.deepEqual([acknowledged.status, acknowledged.body.resolution, resolved.status], [200, 'anonymous', 409])
})

test('truth that is not accepted says which field', async t => {
  const call = await open(t)
  const send = (deployment: string, items: readonly object[]) =>
    call('POST', `/deployments/${deployment}/truth`, { items })

  const answers = [
    await send('rain', [{ prediction: 'prd_1', value: 1 }]),
    await send('rain', [{ prediction: 'prd_1', value: 'yes' }]),
    await send('rain', []),
    await send('snow', [{ prediction: 'prd_1', value: 1 }]),
    await send('rain', [
      { prediction: 'prd_1', value: 1 },
      { prediction: 'prd_2', value: 7 },
    ]),
  ]

  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 422, 422, 404, 422],
  )
  assert.deepEqual(answers[1]!.body.problems, [{ field: 'body.items.0.value', value: 'yes', allowed: 'a number' }])
})
