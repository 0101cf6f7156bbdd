import assert from 'node:assert/strict'
import { test } from 'node:test'
import { profileParquet } from './profile.ts'
import { openBed } from './testing.ts'

test('a profile counts, and leaves out what is no value', async t => {
  const { duckdb, folder } = await openBed(t)
  const path = `${folder}/t.parquet`
  const rows = `(0, 1.0, 'a'), (1, 2.0, 'a'), (2, 'nan'::double, 'b'), (3, null, null), (4, 6.0, 'a'), (5, 'inf'::double, 'c')`
  await duckdb.query([`copy (select * from (values ${rows}) t(i, x, s)) to '${path}' (format parquet)`, 'select 1'])

  const [, x, s] = await profileParquet(duckdb, path)

  assert.deepEqual(
    { ...x, sd: x!.sd!.toFixed(6), quantiles: x!.quantiles!.filter((_, decile) => decile % 5 === 0) },
    {
      name: 'x',
      type: 'number',
      count: 6,
      missing: 3,
      distinct: 3,
      min: 1,
      max: 6,
      mean: 3,
      sd: '2.645751',
      quantiles: [1, 2, 6],
      top: [
        { value: '1.0', count: 1 },
        { value: '2.0', count: 1 },
        { value: '6.0', count: 1 },
      ],
      longestRun: 1,
    },
  )
  assert.deepEqual(s, {
    name: 's',
    type: 'string',
    count: 6,
    missing: 1,
    distinct: 3,
    top: [
      { value: 'a', count: 3 },
      { value: 'b', count: 1 },
      { value: 'c', count: 1 },
    ],
    longestRun: 2,
    settledAt: 1,
  })
})

test('runs are looked for in the order of event time within each key', async t => {
  const { duckdb, folder } = await openBed(t)
  const path = `${folder}/t.parquet`
  const rows = `('b', 1, 4), ('a', 3, 7), ('a', 1, 5), ('b', 2, 5), ('a', 2, 7), ('b', 3, 6), ('a', 4, 7)`
  await duckdb.query([`copy (select * from (values ${rows}) t(k, day, x)) to '${path}' (format parquet)`, 'select 1'])

  const runs = async (order: object) =>
    (await profileParquet(duckdb, path, order)).find(column => column.name === 'x')!.longestRun

  assert.deepEqual([await runs({}), await runs({ by: 'day' }), await runs({ by: 'day', within: ['k'] })], [2, 2, 3])
})

test('numbers whose squares overflow do not end the profile', async t => {
  const { duckdb, folder } = await openBed(t)
  const path = `${folder}/t.parquet`
  await duckdb.query([
    `copy (select * from (values (1e300), (-1e300), (2.0)) t(x)) to '${path}' (format parquet)`,
    'select 1',
  ])

  const [x] = await profileParquet(duckdb, path)

  assert.deepEqual([x!.count, x!.missing, x!.min, x!.max], [3, 0, 2, 2])
})
