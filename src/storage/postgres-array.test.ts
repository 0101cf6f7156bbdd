import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { bigintArray, bigintsOf, doubleArray, doublesOf, textArray } from './postgres-array.ts'
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

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('we read the arrays that postgres writes, to the last bit', async t => {
    const db = await engine.open(t, [])
    const numbers = [0, -1, 2 ** 32 + 1, -(2 ** 53) + 1, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n]
    const doubles = [0.1, -0, Number.NaN, -Infinity, Number.MIN_VALUE]

    const { rows } = await sql<{ numbers: Buffer; doubles: Buffer; none: Buffer }>`
      select array_send(cast(${bigintArray(numbers)} as bigint[])) as numbers,
        array_send(cast(${doubleArray(doubles)} as double precision[])) as doubles,
        array_send(cast('{}' as bigint[])) as none`.execute(db)

    const [{ numbers: bytes, doubles: others, none }] = rows as [(typeof rows)[0]]
    assert.deepEqual([bigintsOf(bytes), doublesOf(others), bigintsOf(none)], [numbers, doubles, []])
  })

for (const engine of testEngines().filter(({ name }) => name === 'postgres'))
  test('postgres reads texts as they are, and what is no text as nothing', async t => {
    const db = await engine.open(t, [])
    const texts = ['', 'rain', '{"a":"\\"}', 'null', null, '雨 ☔ 🌧', 'x'.repeat(70_000)]

    const { rows } = await sql<object>`
      select cast(${textArray(texts)} as text[]) as texts, cardinality(cast(${textArray([])} as text[])) as none`.execute(
      db,
    )

    assert.deepEqual(rows, [{ texts, none: 0 }])
  })
