import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createApp } from '#http'
import { manualClock } from '#kernel/clock.ts'
import { createOutbox, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { secretRoutes } from './routes.ts'
import { secretMigrations } from './tables.ts'
import { testSecrets } from './testing.ts'

async function open(t: TestContext) {
  const db = await testEngines()[0]!.open(t, [...outboxMigrations, ...secretMigrations])
  const clock = manualClock(1_000)
  const app = await createApp({ version: '0' })
  secretRoutes(app, testSecrets({ db, clock, outbox: createOutbox({ db, clock, owner: 'test', warn: () => {} }) }))
  t.after(() => app.close())
  return async (method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, payload?: object) => {
    const { statusCode, body } = await app.inject({ method, url: `/api/v1/${path}`, ...(payload && { payload }) })
    return [statusCode, body === '' ? undefined : JSON.parse(body)]
  }
}

const shown = { version: 1, setAt: 1_000, setBy: 'anonymous' }

test('values are write-only: names go in and out', async t => {
  const call = await open(t)
  const mine = { project: 'rain', name: 'DB_PASSWORD', ...shown }
  const shared = { name: 'slack.url', ...shown }

  assert.deepEqual(await call('PUT', 'projects/rain/secrets/DB_PASSWORD', { value: 'hunter2' }), [200, mine])
  assert.deepEqual(await call('PUT', 'secrets/slack.url', { value: 'https://hunter2' }), [200, shared])
  assert.deepEqual(await call('GET', 'projects/rain/secrets'), [200, { items: [mine] }])
  assert.deepEqual(await call('GET', 'secrets'), [200, { items: [shared] }])
  const [status, { masterKey, ...rotation }] = await call('POST', 'secrets:rotate')
  assert.deepEqual([status, rotation], [200, { isNew: false, dataKeys: 2, resealed: 2 }])
  assert.match(masterKey, /^[0-9a-f]{16}$/)
  assert.deepEqual(await call('DELETE', 'projects/rain/secrets/DB_PASSWORD'), [204, undefined])
  assert.equal((await call('DELETE', 'projects/rain/secrets/DB_PASSWORD'))[0], 404)
  assert.equal((await call('DELETE', 'secrets/slack.url'))[0], 204)
})

test('a value that is not accepted is not repeated', async t => {
  const call = await open(t)
  for (const [path, payload, says] of [
    ['projects/rain/secrets/DB_PASSWORD', { value: 7_133_711 }, /body\.value: a text/],
    ['projects/rain/secrets/DB_PASSWORD', { value: '713' }, /value: at least 4 characters/],
    ['projects/rain/secrets/7PASSWORD', { value: '7133' }, /path\.secret = \\"7PASSWORD\\": Letters, digits/],
  ] as const) {
    const [status, problem] = await call('PUT', path, payload)
    assert.equal(status, 422)
    assert.match(JSON.stringify(problem), says)
    assert.doesNotMatch(JSON.stringify(problem), /713/)
  }
})
