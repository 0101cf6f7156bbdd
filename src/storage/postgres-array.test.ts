import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { bigintArray, doubleArray } from './postgres-array.ts'
import { testEngines } from './testing.ts'

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('postgres reads the arrays that we write, to the last bit', async t => {
    const db = await engine.open(t, [])
    const numbers = [0, 1, -1, -3, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1]
    const doubles = [0.1, -0, Number.NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 1 / 3]

    const { rows } = await sql<object>`
      select cast(cast(${bigintArray(numbers)} as bigint[]) as text[]) as numbers,
        cast(${doubleArray(doubles)} as double precision[]) as doubles,
        cardinality(cast(${bigintArray([])} as bigint[])) as none`.execute(db)

    assert.deepEqual(rows, [{ numbers: numbers.map(String), doubles, none: 0 }])
  })
