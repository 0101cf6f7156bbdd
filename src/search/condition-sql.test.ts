import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sql, type Expression, type SqlBool } from 'kysely'
import { testEngines, type TestEngine } from '#storage/testing.ts'
import { engineOf, type Db, type Migration } from '#storage'
import { compare, filterSql } from './condition-sql.ts'
import { exampleLanguage } from './example-language.ts'
import type { Condition, Filter } from './filter.ts'
import { parseFilter } from './parse-filter.ts'

interface Item {
  readonly id: number
  readonly text: string | null
  readonly count: number | null
  readonly ratio: number | null
}

const words = 'abc ABC aBc a%c a_c a*c a?c a[b]c a\\c abcabc 💡 ÄB äb x]'.split(' ')
const texts = [...words, '', 'a\nc', "it's", null]
const items: readonly Item[] = texts.map((text, id) => ({
  id,
  text,
  count: id % 5 === 4 ? null : id - 3,
  ratio: id % 4 === 3 ? null : (id - 6) / 4,
}))

const table: Migration = {
  name: 'search-test-001',
  statements: ['create table item (id bigint primary key, text text, count bigint, ratio double precision)'],
}

async function openWithItems(engine: TestEngine, t: TestContext): Promise<Db> {
  const db = await engine.open(t, [table])
  for (const { id, text, count, ratio } of items) {
    await sql`insert into item values (${id}, ${text}, ${count}, ${ratio})`.execute(db)
  }
  return db
}

/** What a condition means, said without SQL. */
function holds(
  value: string | number | null,
  { operator, value: wanted }: Pick<Condition, 'operator' | 'value'>,
): boolean {
  if (operator === 'IS NULL') return value === null
  if (value === null) return false
  if (operator === 'IS NOT NULL') return true
  const like = (flags: string): boolean =>
    new RegExp(
      `^${[...(wanted as string)] // oxlint-disable-line typescript/no-misused-spread -- by code points, as LIKE counts
        .map(sign =>
          sign === '%' ? '.*' : sign === '_' ? '.' : sign.replace(/[^\p{L}\p{N}\s]/u, '\\$&').replace('\\💡', '💡'),
        )
        .join('')}$`,
      flags,
    ).test(value as string)
  const meanings: Record<string, () => boolean> = {
    '=': () => value === wanted,
    '!=': () => value !== wanted,
    '<': () => value < wanted!,
    '<=': () => value <= wanted!,
    '>': () => value > wanted!,
    '>=': () => value >= wanted!,
    IN: () => (wanted as readonly unknown[]).includes(value),
    'NOT IN': () => !(wanted as readonly unknown[]).includes(value),
    LIKE: () => like('su'),
    ILIKE: () => like('sui'),
    RLIKE: () => new RegExp(wanted as string, 's').test(value as string),
  }
  return meanings[operator]!()
}

const patterns = [
  'abc',
  'ABC',
  'a%',
  '%C',
  '%b%',
  'a_c',
  '_',
  '%',
  '',
  'a*c',
  'a?c',
  'a[b]c',
  'a\\c',
  '\\',
  '%\\',
  'Äb',
  '%]',
  '_%c',
]
const conditions: readonly (Pick<Condition, 'operator' | 'value'> & { column: 'text' | 'count' | 'ratio' })[] = [
  ...(['LIKE', 'ILIKE'] as const).flatMap(operator =>
    patterns.map(value => ({ column: 'text', operator, value }) as const),
  ),
  ...(['=', '!='] as const).flatMap(operator =>
    ['abc', '', "it's", '💡', 'none'].map(value => ({ column: 'text', operator, value }) as const),
  ),
  ...(['IN', 'NOT IN'] as const).flatMap(operator =>
    [['abc', 'äb'], ['none'], []].map(value => ({ column: 'text', operator, value }) as const),
  ),
  ...(['a.c', '^a', 'c$', '^$', '[*?]'] as const).map(value => ({ column: 'text', operator: 'RLIKE', value }) as const),
  ...(['text', 'count', 'ratio'] as const).flatMap(column =>
    (['IS NULL', 'IS NOT NULL'] as const).map(operator => ({ column, operator })),
  ),
  ...(['count', 'ratio'] as const).flatMap(column =>
    (['=', '!=', '<', '<=', '>', '>='] as const).flatMap(operator =>
      [0, 1, 1.5, -2, 0.25, 1_700_000_000_000, 1e300, -1e300, 2 ** 60].map(
        value => ({ column, operator, value }) as const,
      ),
    ),
  ),
]

const idsWhere = async (db: Db, condition: Expression<SqlBool>): Promise<readonly number[]> =>
  (await sql<{ id: number }>`select id from item where ${condition} order by id`.execute(db)).rows.map(row => row.id)

for (const engine of testEngines()) {
  test(`every operator means on ${engine.name} what it means without a database`, async t => {
    const db = await openWithItems(engine, t)
    for (const condition of conditions) {
      const found = await idsWhere(db, compare(engineOf(db), sql.ref(condition.column), condition))
      const expected = items.filter(item => holds(item[condition.column], condition)).map(({ id }) => id)
      assert.deepEqual(found, expected, JSON.stringify(condition))
    }
  })

  test(`AND, OR and parentheses mean on ${engine.name} what they say`, async t => {
    const db = await openWithItems(engine, t)
    const meaning = (filter: Filter, item: Item): boolean => {
      if ('and' in filter) return filter.and.every(part => meaning(part, item))
      if ('or' in filter) return filter.or.some(part => meaning(part, item))
      return holds(filter.entity === 'metric' ? item.count : item.text, filter)
    }
    const many = Array.from({ length: 200 }, (_, index) => `metrics.c != ${index % 7}`)
    for (const text of [
      "metrics.c > 0 OR params.t = 'abc' AND metrics.c < -2",
      "(metrics.c > 0 OR params.t = 'abc') AND metrics.c < 5",
      "metrics.c IS NULL OR params.t LIKE 'a%' AND (params.t != 'abc' OR metrics.c >= 3)",
      'params.t IS NULL',
      many.join(' AND '),
      many.join(' OR '),
      `${'(metrics.c > 0 OR '.repeat(50)}metrics.c < 0${')'.repeat(50)}`,
    ]) {
      const filter = parseFilter(text, exampleLanguage)!
      const found = await idsWhere(
        db,
        filterSql(filter, leaf => compare(engineOf(db), sql.ref(leaf.entity === 'metric' ? 'count' : 'text'), leaf)),
      )
      assert.deepEqual(
        found,
        items.filter(item => meaning(filter, item)).map(({ id }) => id),
        text,
      )
    }
  })

  test(`the longest pattern and the longest list are taken by ${engine.name}`, async t => {
    const db = await openWithItems(engine, t)
    const list = Array.from({ length: 15_000 }, (_, index) => String(index))
    assert.deepEqual(await idsWhere(db, compare(engineOf(db), sql.ref('text'), { operator: 'IN', value: list })), [])
    for (const operator of ['LIKE', 'ILIKE'] as const) {
      for (const value of ['💡'.repeat(1_000), '[%'.repeat(1_000), '%ä'.repeat(1_000)]) {
        assert.deepEqual(await idsWhere(db, compare(engineOf(db), sql.ref('text'), { operator, value })), [], value)
      }
    }
  })

  test(`${engine.name} says its name, in a transaction too`, async t => {
    const db = await engine.open(t, [])
    assert.equal(engineOf(db), engine.name)
    assert.equal(await db.transaction().execute(async tx => engineOf(tx)), engine.name)
  })
}
