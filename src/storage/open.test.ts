import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { TrainyardError } from '#kernel/error.ts'
import { testEngines } from './testing.ts'

for (const engine of testEngines()) {
  test(`${engine.name}: a value that cannot be stored is the sender's mistake, in and out of transactions`, async t => {
    const db = await engine.open(t, [])
    const isFault = async (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => false,
        error => !(error instanceof TrainyardError && error.code === 'invalid'),
      )

    const text = sql`select cast(${'a\0b'} as text) as value`
    const number = sql`select cast(${2 ** 40} as integer) as value`
    const faults = [
      await isFault(text.execute(db)),
      await isFault(number.execute(db)),
      await isFault(db.transaction().execute(tx => text.execute(tx))),
    ]

    assert.deepEqual(faults, [false, false, false])
    assert.equal(await isFault(sql`select no_such_column`.execute(db)), true)
  })
}
