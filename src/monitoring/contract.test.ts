import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#statistics'
import { contractViolations } from './contract.ts'
import type { Cell, Frame } from './frame.ts'
import { dayMs } from './season.ts'

const random = seededRandom(1)
const frame = (features: Record<string, readonly Cell[]>): Frame => {
  const rows = Object.values(features)[0]!.length
  const empty = Array.from({ length: rows }, () => null)
  return { at: empty.map((_, i) => i * dayMs), key: empty, score: empty, label: empty, features }
}
const repeat = (value: Cell, rows = 60): readonly Cell[] => Array.from({ length: rows }, () => value)
const uniform = (from: number, to: number, rows = 60): readonly number[] =>
  Array.from({ length: rows }, () => from + random() * (to - from))

const reference = frame({
  rain: uniform(0, 40, 300).map((value, i) => (i % 2 === 0 ? 0 : value)),
  temperature: uniform(2, 31, 300),
  sky: Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 'sun' : 'rain')),
})
const kept = { rain: uniform(0, 30), temperature: uniform(5, 25), sky: repeat('sun', 30).concat(repeat('rain', 30)) }

const broken = (features: Record<string, readonly Cell[]>): readonly string[] =>
  contractViolations(reference, frame({ ...kept, ...features })).map(
    ({ column, rule, rows }) => `${column} ${rule} ${rows}`,
  )

test('rows like those of the training set keep the contract', () => assert.deepEqual(broken({}), []))

test('a climate that is colder than any training row is drift and no breach', () => {
  assert.deepEqual(broken({ temperature: uniform(-17, 5) }), [])
})

test('a column turned into a constant −1 is named once for its range and once for its one value', () => {
  assert.deepEqual(broken({ rain: repeat(-1) }), ['rain range 60', 'rain constant 60'])
  assert.deepEqual(broken({ temperature: repeat(-1) }), ['temperature constant 60'])
})

test('an amount that was never negative may not become so, a temperature may', () => {
  assert.deepEqual(broken({ rain: [...uniform(0, 30, 57), -2, -3, -4] }), ['rain range 3'])
})

test('another unit is out of range', () =>
  assert.deepEqual(broken({ temperature: uniform(70, 95) }), ['temperature range 60']))

test('one strange value repeated is a sentinel, cold days that repeat are weather', () => {
  assert.deepEqual(broken({ temperature: [...uniform(5, 25, 50), ...repeat(-9, 10)] }), ['temperature constant 10'])
  assert.deepEqual(
    broken({ temperature: [...uniform(5, 25, 40), ...repeat(-2.7, 8), ...repeat(-3.3, 6), ...repeat(1, 6)] }),
    [],
  )
})

test('text in a number, lost values and a lost column are breaches', () => {
  assert.deepEqual(broken({ temperature: repeat('warm') }), ['temperature type 60', 'temperature constant 60'])
  assert.deepEqual(broken({ sky: [...repeat(null, 20), ...repeat('sun', 20), ...repeat('rain', 20)] }), [
    'sky missing_share 20',
  ])
  assert.deepEqual(broken({ sky: repeat(null) }), ['sky column_missing 60'])
})

test('violations say what was found and what is allowed', () => {
  const [violation] = contractViolations(reference, frame({ ...kept, temperature: repeat(-1) }))

  assert.deepEqual(violation, {
    column: 'temperature',
    rule: 'constant',
    found: '-1 in 60 of 60 rows',
    allowed: 'a column that varies: 0 % of the training set has this value',
    rows: 60,
  })
})
