import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { outboundMigrations } from '#outbound'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { webhookDeliveries } from './webhook-store.sql.ts'
import { webhookMigrations } from './webhook-tables.ts'

for (const { name, open } of testEngines())
  test(`${name}: deliveries from before there was one queue for all keep everything, and are told of one event once`, async t => {
    const db = await open(t, webhookMigrations.slice(0, 2))
    await sql`insert into registry_webhook (id, project, name, url, events, state, created_at, updated_at)
      values ('w1', 'rain', 'one', 'https://example.org', '[]', 'active', 1, 1)`.execute(db)
    const columns = sql`(id, webhook, event_seq, replay_of, entity, action, body, state, attempts, next_at, status, answer,
      error, created_at, ended_at)`
    await sql`insert into registry_webhook_delivery ${columns} values
      ('d1', 'w1', 7, null, 'prompt', 'created', '{"name":"q\\"1"}', 'waiting', 2, 50, 503, 'slow', 'no', 5, null),
      ('d2', 'w1', null, 'd1', 'prompt', 'created', '{}', 'delivered', 1, null, 200, 'ok', null, 6, 8)`.execute(db)

    await migrate(db, [...outboundMigrations, ...webhookMigrations])

    const store = webhookDeliveries(db)
    const first = {
      id: 'd1',
      project: 'rain',
      receiver: 'w1',
      event: 7,
      message: { entity: 'prompt', action: 'created', body: '{"name":"q\\"1"}' },
      state: 'waiting',
      attempts: 2,
      status: 503,
      answer: 'slow',
      error: 'no',
      createdAt: 5,
      nextAt: 50,
    } as const
    const second = {
      id: 'd2',
      project: 'rain',
      receiver: 'w1',
      replayOf: 'd1',
      message: { entity: 'prompt', action: 'created', body: '{}' },
      state: 'delivered',
      attempts: 1,
      status: 200,
      answer: 'ok',
      createdAt: 6,
      endedAt: 8,
    } as const
    await store.enqueue({ ...first, id: 'd3' } as never)
    assert.deepEqual((await store.list({ project: 'rain', receiver: 'w1' }, { limit: 9 })).items, [second, first])
    const taken = await store.take({ now: 60 as never, until: 99 as never, limit: 9, except: [] })
    assert.deepEqual(taken, [{ lane: 'rain/w1', delivery: { ...first, attempts: 3, nextAt: 99 } }])
  })
