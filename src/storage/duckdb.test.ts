import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDuckdb, identifier, literal } from './duckdb.ts'

test('rows come back as plain JSON: instants in milliseconds, whole numbers as numbers', async t => {
  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())

  const rows = await duckdb.query([
    'create temp table t as select 1::bigint as n',
    `select n, timestamp '1970-01-01 00:00:01' as at, [1.5, null] as xs, ${literal("it's")} as ${identifier('a "b"')} from t`,
  ])

  assert.deepEqual(rows, [{ n: 1, at: 1_000, xs: [1.5, null], 'a "b"': "it's" }])
})

test('requests do not see each other, and a refused statement says why', async t => {
  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())
  await duckdb.query(['create temp table mine as select 1'])

  await assert.rejects(duckdb.query(['select * from mine']), { code: 'invalid', message: /mine does not exist/ })
})

test('a cancelled query ends at once and the next one works', async t => {
  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())
  const endless = duckdb.query(['select count(*) from range(1e11::bigint) a'], AbortSignal.timeout(300))

  await assert.rejects(endless, { code: 'unavailable' })

  assert.deepEqual(await duckdb.query(['select 1 as one']), [{ one: 1 }])
})

test('what runs beside a cancelled query is asked again and answered', async t => {
  const duckdb = createDuckdb()
  t.after(() => duckdb.stop())
  const cancelled = duckdb.query(['select count(*) from range(1e11::bigint) a'], AbortSignal.timeout(300))
  const beside = duckdb.query(['select count(*) as n from range(3e7::bigint) a where hash(range) % 7 = 0'])

  await assert.rejects(cancelled, { code: 'unavailable' })

  assert.equal((await beside).length, 1)
})
