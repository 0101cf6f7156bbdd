import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { manualClock } from '#kernel/clock.ts'
import { defineEvent } from '#kernel/event.ts'
import type { Db } from './open.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { outboxMigrations, type OutboxTables } from './outbox-tables.ts'
import { on } from './subscriber.ts'
import { testEngines, type TestEngine } from './testing.ts'

const meant = defineEvent('test.meant', z.object({ n: z.number() }))
const other = defineEvent('test.other', z.object({ n: z.number() }))

interface Written {
  readonly db: Db
  readonly place: () => Promise<number | undefined>
}

async function open(t: TestContext, engine: TestEngine): Promise<Written> {
  const db = await engine.open(t, outboxMigrations)
  const cursors = db.withTables<OutboxTables>()
  return { db, place: async () => (await cursors.selectFrom('event_subscriber').select('seq').executeTakeFirst())?.seq }
}

/** One process, whose only subscriber notes what it is called with. */
function process(t: TestContext, db: Db, owner: string, clock = manualClock(0)) {
  const outbox = createOutbox({ db, clock, owner, warn: () => {} })
  const seen: number[] = []
  outbox.subscribe('reader', [on(meant, async ({ data }) => void seen.push(data.n))])
  t.after(() => outbox.stop())
  return { outbox, seen }
}

const emit = (db: Db, outbox: Outbox, numbers: readonly number[], type = meant): Promise<void> =>
  db.transaction().execute(async tx => {
    for (const n of numbers) await outbox.emit(tx, type, { data: { n } })
  })

for (const engine of testEngines()) {
  test(`${engine.name}: where a subscriber stands is written once for many events, and when it stops`, async t => {
    const { db, place } = await open(t, engine)
    const { outbox, seen } = process(t, db, 'one')
    outbox.start()
    await emit(db, outbox, [1, 2, 3])
    await outbox.settled()
    await emit(db, outbox, [4, 5], other)
    await outbox.settled()
    const written = await place()
    await outbox.stop()

    assert.deepEqual([seen, written, await place()], [[1, 2, 3], 3, 5])
  })

  test(`${engine.name}: one at a time moves a cursor, and leaves it to another at once when it stops`, async t => {
    const { db } = await open(t, engine)
    const [first, second] = [process(t, db, 'one'), process(t, db, 'two')]
    first.outbox.start()
    await emit(db, first.outbox, [1])
    await first.outbox.settled()
    second.outbox.start()
    await emit(db, second.outbox, [2])
    await second.outbox.settled()
    const before = [...second.seen]
    await first.outbox.stop()
    await emit(db, second.outbox, [3])
    await second.outbox.settled()

    assert.deepEqual([first.seen, before, second.seen], [[1, 2], [], [3]])
  })

  test(`${engine.name}: the cursor of one that died is another's when its lease has run out, where it was written`, async t => {
    const { db } = await open(t, engine)
    const clock = manualClock(0)
    const { outbox, seen } = process(t, db, 'two', clock)
    await emit(db, outbox, [1, 2])
    const cursors = db.withTables<OutboxTables>()
    const dead = { name: 'reader', seq: 1, owner: 'one', lease_until: 10_000 }
    await cursors.insertInto('event_subscriber').values(dead).execute()
    clock.advance(9_999)
    outbox.start()
    // Longer than it takes to look.
    await sleep(100)
    const before = [...seen]
    clock.advance(1)
    await emit(db, outbox, [3])
    await outbox.settled()

    assert.deepEqual([before, seen], [[], [2, 3]])
  })
}
