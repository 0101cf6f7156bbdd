import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { outboundMigrations } from '#outbound'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { notificationDeliveries, notificationMigrations } from './tables.ts'

for (const { name, open } of testEngines())
  test(`${name}: notifications from before there was one queue for all keep everything`, async t => {
    const db = await open(t, notificationMigrations.slice(0, 1))
    const notice = { kind: 'run.failed', title: 'training has failed', why: 'No wind.', path: '/p/rain/runs/run_1' }
    await sql`insert into notification (id, lane, project, channel, event_seq, replay_of, notice, state, attempts, next_at,
        status, answer, error, created_at, ended_at)
      values ('n1', 'rain/team', 'rain', 'team', 7, 'n0', ${JSON.stringify(notice)}, 'waiting', 2, 50, 503, 'slow', 'no', 5,
        null)`.execute(db)

    await migrate(db, [...outboundMigrations, ...notificationMigrations])

    const { items } = await notificationDeliveries(db).list({ project: 'rain', receiver: 'team' }, { limit: 9 })
    assert.deepEqual(items, [
      {
        id: 'n1',
        project: 'rain',
        receiver: 'team',
        event: 7,
        replayOf: 'n0',
        message: notice,
        state: 'waiting',
        attempts: 2,
        status: 503,
        answer: 'slow',
        error: 'no',
        createdAt: 5,
        nextAt: 50,
      },
    ])
  })
