import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import type { Db, Migration } from '#storage'
import { decodeCursor, encodeCursor, type CursorValue } from './cursor.ts'
import { afterSql, orderSql, type OrderTerm } from './keyset.ts'

const table: Migration = {
  name: 'search-test-001',
  statements: ['create table item (id text primary key, a bigint, b double precision, c bigint not null)'],
}

async function openWithItems(engine: TestEngine, t: TestContext): Promise<Db> {
  const db = await engine.open(t, [table])
  for (let id = 0; id < 60; id++) {
    const [a, b] = [id % 7 === 0 ? null : id % 4, id % 5 === 0 ? null : (id % 3) / 4]
    const key = `k${String((id * 37) % 60).padStart(2, '0')}`
    await sql`insert into item values (${key}, ${a}, ${b}, ${id % 2})`.execute(db)
  }
  return db
}

type Column = 'a' | 'b' | 'c' | 'id'
const term = (column: Column, descending: boolean): OrderTerm => ({
  column: sql.ref(column),
  descending,
  type: column === 'id' ? 'text' : 'number',
  nullable: column === 'a' || column === 'b',
})

async function page(db: Db, terms: readonly OrderTerm[], after: readonly CursorValue[] | undefined, limit: number) {
  const where = after === undefined ? sql`1 = 1` : afterSql(terms, after)
  const query = sql<
    Record<Column, CursorValue>
  >`select * from item where ${where} order by ${orderSql(terms)} limit ${limit}`
  return (await query.execute(db)).rows
}

const orderings = fc
  .tuple(
    fc.subarray<Column>(['a', 'b', 'c'], { minLength: 0 }),
    fc.infiniteStream(fc.boolean()),
    fc.integer({ min: 1, max: 11 }),
  )
  .map(([columns, directions, limit]) => ({
    columns: [...columns, 'id' as const].map(column => ({ column, descending: directions.next().value as boolean })),
    limit,
  }))

for (const engine of testEngines()) {
  test(`pages on ${engine.name} hold every row once, in the order of the whole, in any mixture of directions`, async t => {
    const db = await openWithItems(engine, t)
    await fc.assert(
      fc.asyncProperty(orderings, async ({ columns, limit }) => {
        const terms = columns.map(({ column, descending }) => term(column, descending))
        const paged: unknown[] = []
        let cursor: string | undefined
        do {
          const after = cursor === undefined ? undefined : decodeCursor(cursor, terms.length)
          const rows = await page(db, terms, after, limit)
          paged.push(...rows.map(row => row.id))
          const last = rows.at(-1)
          cursor = last === undefined ? undefined : encodeCursor(columns.map(({ column }) => last[column]))
        } while (cursor !== undefined)
        const whole = await page(db, terms, undefined, 1_000)
        assert.deepEqual(
          paged,
          whole.map(row => row.id),
        )
        assert.equal(new Set(paged).size, 60)
        const nulls = whole.map(row => row[columns[0]!.column] === null)
        assert.deepEqual(
          nulls,
          nulls.toSorted((a, b) => Number(a) - Number(b)),
          'NULLs are last',
        )
      }),
      { numRuns: 40 },
    )
  })

  test(`a fractional cursor beside an integer column is no error on ${engine.name}`, async t => {
    const db = await openWithItems(engine, t)
    const rows = await page(db, [term('c', false), term('id', false)], [0.5, 'k00'], 100)
    assert.equal(rows.length, 30)
  })
}

test('a cursor of other kinds of values is refused before the database sees it', () => {
  const terms = [term('a', true), term('id', false)]
  for (const values of [['x', 'k'], [1, 2], [1, null], [1], [1, 'k', 'k']]) {
    assert.throws(() => afterSql(terms, values), { code: 'invalid', message: /page token is malformed/ })
  }
  assert.doesNotThrow(() => afterSql(terms, [null, 'k']))
})
