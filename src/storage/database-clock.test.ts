import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { databaseClock } from './database-clock.ts'
import { testEngines } from './testing.ts'

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('processes whose machines disagree by twenty minutes have one time, which is the database’s', async t => {
    const db = await engine.open(t, [])
    const wall = Date.now
    const nowBy = async (skewMs: number): Promise<number> => {
      Date.now = () => wall() + skewMs
      try {
        const clock = await databaseClock(db, 'postgres:')
        t.after(() => clock.stop())
        return clock.now()
      } finally {
        Date.now = wall
      }
    }

    const [early, late] = [await nowBy(-600_000), await nowBy(600_000)]

    const { rows } = await sql<{ now: number }>`select extract(epoch from clock_timestamp()) * 1000 as now`.execute(db)
    const errors = [early, late].map(time => Math.abs(rows[0]!.now - time))
    assert.ok(
      errors.every(error => error < 60_000),
      `${errors.join(' and ')} ms`,
    )
  })
