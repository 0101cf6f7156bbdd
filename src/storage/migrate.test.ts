import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { migrate } from './migrate.ts'
import type { Db } from './open.ts'
import { testEngines } from './testing.ts'

const first = { name: 'shelf-001', statements: ['create table shelf (name text primary key)'] }
const second = { name: 'shelf-002', statements: [`insert into shelf values ('a')`] }
const broken = { name: 'shelf-003', statements: [`insert into shelf values ('b')`, 'insert into nowhere values (1)'] }
const another = { name: 'case-001', statements: ['create table glass (name text primary key)'] }

async function onShelf(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select name from shelf`.execute(db)
  return rows.map(({ name }) => name)
}

for (const { name, open } of testEngines()) {
  test(`${name}: of the steps that are missing all are made, or none`, async t => {
    const db = await open(t, [first])
    await assert.rejects(migrate(db, [first, second, broken]), /nowhere/)
    assert.deepEqual(await onShelf(db), [])
    await migrate(db, [first, second])
    await migrate(db, [first, second])
    assert.deepEqual(await onShelf(db), ['a'])
  })

  test(`${name}: of several who make the steps at once, one does`, async t => {
    const db = await open(t, [another])
    await Promise.all(Array.from({ length: 4 }, () => migrate(db, [first, second])))
    assert.deepEqual(await onShelf(db), ['a'])
  })
}
