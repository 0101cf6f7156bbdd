import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { manualClock } from '#kernel/clock.ts'
import { defineEvent, type Event } from '#kernel/event.ts'
import type { Db } from './open.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { outboxMigrations } from './outbox-tables.ts'
import { on } from './subscriber.ts'
import { testEngines, type TestEngine } from './testing.ts'

const counted = defineEvent('test.counted', z.object({ n: z.number() }))
const silent = (): void => {}

async function open(t: TestContext, engine: TestEngine): Promise<{ db: Db; outbox: Outbox; another: () => Outbox }> {
  const db = await engine.open(t, outboxMigrations)
  const another = (): Outbox => createOutbox({ db, clock: manualClock(5), owner: 'this', warn: silent })
  const outbox = another()
  t.after(() => outbox.stop())
  return { db, outbox, another }
}

const emit = (db: Db, outbox: Outbox, n: number, project?: string): Promise<void> =>
  db.transaction().execute(tx => outbox.emit(tx, counted, { project, data: { n } }))

for (const engine of testEngines()) {
  test(`${engine.name}: an event is there exactly when its transaction is`, async t => {
    const { db, outbox } = await open(t, engine)

    await emit(db, outbox, 1, 'rain')
    await assert.rejects(
      db.transaction().execute(async tx => {
        await outbox.emit(tx, counted, { data: { n: 2 } })
        throw new Error('undone')
      }),
    )
    await emit(db, outbox, 3)

    assert.deepEqual(await outbox.after(0, 10), [
      { seq: 1, type: 'test.counted', at: 5, project: 'rain', actor: 'trainyard', data: { n: 1 } },
      { seq: 2, type: 'test.counted', at: 5, project: undefined, actor: 'trainyard', data: { n: 3 } },
    ])
  })

  test(`${engine.name}: racing writers give events dense numbers`, async t => {
    const { db, outbox } = await open(t, engine)

    await Promise.all(Array.from({ length: 20 }, (_, n) => emit(db, outbox, n)))

    assert.deepEqual(
      (await outbox.after(0, 100)).map(event => event.seq),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })

  test(`${engine.name}: a subscriber sees each event in order, and goes on where it stopped after a restart`, async t => {
    const { db, outbox, another } = await open(t, engine)
    const seen: number[] = []
    const remember = [on(counted, async ({ data }: Event<{ n: number }>) => void seen.push(data.n))]
    outbox.subscribe('reader', remember)
    outbox.start()
    await emit(db, outbox, 1)
    await outbox.settled()
    await outbox.stop()
    await emit(db, outbox, 2)

    const restarted = another()
    t.after(() => restarted.stop())
    restarted.subscribe('reader', remember)
    restarted.start()
    await emit(db, restarted, 3)
    await restarted.settled()

    assert.deepEqual(seen, [1, 2, 3])
  })

  test(`${engine.name}: a handler that keeps failing is set aside and does not hold up the others`, async t => {
    const { db, outbox } = await open(t, engine)
    const seen: number[] = []
    outbox.subscribe('reader', [
      on(counted, async ({ data }: Event<{ n: number }>) => {
        if (data.n === 1) throw new Error('never')
        seen.push(data.n)
      }),
    ])
    outbox.start()

    await emit(db, outbox, 1)
    await emit(db, outbox, 2)
    await outbox.settled()

    const { rows } = await sql<{
      subscriber: string
      seq: number
      error: string
    }>`select subscriber, seq, error from event_failure`.execute(db)
    assert.deepEqual([seen, rows.map(row => ({ ...row }))], [[2], [{ subscriber: 'reader', seq: 1, error: 'never' }]])
  })
}

test('data that does not fit the type of its event is a bug and writes nothing', async t => {
  const { db, outbox } = await open(t, testEngines()[0]!)

  await assert.rejects(db.transaction().execute(tx => outbox.emit(tx, counted, { data: { n: 'one' } as never })))

  assert.deepEqual(await outbox.after(0, 10), [])
})
