import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { migrate } from '#storage'
import { testEngines } from '#storage/testing.ts'
import { accessStoreContract } from './store.contract.ts'
import { sqlTokenStore } from './store.sql.ts'
import { accessMigrations } from './tables.ts'
import { sqlUserStore } from './user-store.sql.ts'

for (const { name, open } of testEngines()) {
  accessStoreContract(name, async t => {
    const db = await open(t, accessMigrations)
    return { tokens: sqlTokenStore(db), users: sqlUserStore(db) }
  })

  test(`${name}: a token of a database without users goes on working`, async t => {
    const db = await open(t, accessMigrations.slice(0, 1))
    await sql`insert into token values ('tok_1', 'ada', 'editor', 'h', 5, null)`.execute(db)

    await migrate(db, accessMigrations)

    assert.deepEqual(await sqlTokenStore(db).find('h'), { id: 'tok_1', name: 'ada', role: 'editor', createdAt: 5 })
  })
}
