import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkColumns, checkRow, learnContract, type Contract } from './contract.ts'
import type { ColumnProfile } from './profile.ts'

const deciles = (min: number, max: number): number[] =>
  Array.from({ length: 11 }, (_, decile) => min + ((max - min) * decile) / 10)
const numbers = (more: Partial<ColumnProfile> = {}): ColumnProfile => {
  const [min, max] = [more.min ?? -5, more.max ?? 30]
  return {
    name: 'temp',
    type: 'number',
    count: 1_000,
    missing: 0,
    distinct: 300,
    min,
    max,
    quantiles: deciles(min, max),
    top: [{ value: '7.5', count: 12 }],
    longestRun: 4,
    ...more,
  }
}
const learned = (column: ColumnProfile) => learnContract([column]).columns[0]!
const rules = (contract: Contract, column: ColumnProfile) =>
  checkColumns(contract, [column]).map(violation => violation.rule)

test('a range is learned with as much slack as it is wide, on either side', () => {
  const { min, max, missingMax } = learned(numbers())
  assert.deepEqual([min, max, missingMax], [-40, 65, 0.05])
})

test('what was never negative and came near zero stays so', () => {
  assert.deepEqual(
    [learned(numbers({ min: 0, max: 10 })).min, learned(numbers({ min: 15, max: 35, count: 400 })).min],
    [0, -5],
  )
})

test('a long tail has room for ten times its length', () => {
  const quantiles = [0, 0, 0, 0, 0, 0, 0, 1, 3, 8, 55]
  assert.equal(learned(numbers({ min: 0, max: 55, quantiles })).max, 550)
})

test('few rows teach types only', () => {
  assert.deepEqual(learned(numbers({ count: 29, distinct: 20 })), { column: 'temp', type: 'number', missingMax: 1 })
})

test('a whole number that is different in every row grows, and has no range', () => {
  const { min, max } = learned(numbers({ type: 'integer', distinct: 1_000 }))
  assert.deepEqual([min, max], [undefined, undefined])
})

test('values are a closed set when they are few, frequent and long known', () => {
  const column = (more: Partial<ColumnProfile>): ColumnProfile => ({
    name: 'kind',
    type: 'string',
    count: 1_000,
    missing: 0,
    distinct: 2,
    top: [
      { value: 'b', count: 600 },
      { value: 'a', count: 400 },
    ],
    longestRun: 9,
    settledAt: 0.01,
    ...more,
  })
  const rare = [
    { value: 'b', count: 998 },
    { value: 'a', count: 2 },
  ]

  assert.deepEqual(learned(column({})).values, ['a', 'b'])
  assert.deepEqual(
    [
      learned(column({ settledAt: 0.9 })).values,
      learned(column({ top: rare })).values,
      learned(column({ count: 100 })).values,
    ],
    [undefined, undefined, undefined],
  )
  assert.equal(learnContract([column({})], { key: ['kind'] }).columns[0]!.values, undefined, 'a city may be added')
})

test('a column that varied may not stand still for longer than twice what it did', () => {
  const contract = learnContract([numbers({ longestRun: 20 })])

  assert.deepEqual(rules(contract, numbers({ longestRun: 40 })), [])
  assert.deepEqual(rules(contract, numbers({ longestRun: 41 })), ['constant'])
  assert.deepEqual(
    rules(contract, numbers({ count: 40, distinct: 1, top: [{ value: '7.5', count: 40 }], longestRun: 40 })),
    [],
  )
})

test('a value that was frequent may be so for a season', () => {
  const dry = { min: 0, max: 50, top: [{ value: '0.0', count: 570 }], longestRun: 12 }
  const contract = learnContract([numbers(dry)])

  assert.deepEqual(
    rules(contract, numbers({ ...dry, count: 90, distinct: 1, top: [{ value: '0.0', count: 90 }], longestRun: 90 })),
    [],
  )
  assert.deepEqual(
    rules(contract, numbers({ ...dry, count: 91, distinct: 1, top: [{ value: '0.0', count: 91 }], longestRun: 91 })),
    ['constant'],
  )
})

test('no value may take over a column without standing still', () => {
  const contract = learnContract([numbers()])
  const most = (count: number) => numbers({ count: 100, distinct: 9, top: [{ value: '-1.0', count }], longestRun: 20 })

  assert.deepEqual([rules(contract, most(90)), rules(contract, most(91))], [[], ['constant']])
})

test('a column that never varied may begin to', () => {
  const contract = learnContract([
    numbers({ min: 3, max: 3, distinct: 1, top: [{ value: '3.0', count: 1_000 }], longestRun: 1_000 }),
  ])
  assert.deepEqual(rules(contract, numbers()), [])
})

test('missing values are judged by what their share is at least', () => {
  const contract = learnContract([numbers({ missing: 10 })])

  assert.deepEqual(rules(contract, numbers({ count: 1_000, missing: 40 })), [])
  assert.deepEqual(rules(contract, numbers({ count: 10, missing: 1 })), [])
  assert.deepEqual(rules(contract, numbers({ count: 10, missing: 10 })), ['missing_share'])
  assert.deepEqual(checkColumns(contract, [numbers({ count: 1_000, missing: 120 })]), [
    {
      column: 'temp',
      rule: 'missing_share',
      found: 'missing in 120 of 1000 rows',
      allowed: '6 % of the rows',
      rows: 120,
    },
  ])
})

test('one row is judged by its types, ranges and values', () => {
  const contract: Contract = {
    columns: [
      { column: 'temp', type: 'number', missingMax: 0.05, min: -40, max: 65 },
      { column: 'count', type: 'integer', missingMax: 0.05 },
      { column: 'kind', type: 'string', missingMax: 0.05, values: ['a', 'b'] },
    ],
    key: [],
    rowsMin: 1,
  }

  assert.deepEqual(checkRow(contract, { temp: 7.5, count: 1, kind: 'a', other: 'x' }), [])
  assert.deepEqual(checkRow(contract, { temp: null, count: 1.5, kind: 'b' }), [])
  assert.deepEqual(checkRow(contract, { temp: 'warm', count: Number.NaN }), [
    { column: 'temp', rule: 'type', found: '"warm"', allowed: 'a value of type number', rows: 1 },
    { column: 'count', rule: 'type', found: 'NaN', allowed: 'a value of type integer', rows: 1 },
    { column: 'kind', rule: 'column_missing', found: 'no such column', allowed: 'a column of type string', rows: 0 },
  ])
  assert.deepEqual(
    checkRow(contract, { temp: -100, count: 1, kind: 'c' }).map(each => [each.rule, each.found, each.allowed]),
    [
      ['range', '-100', '-40 to 65'],
      ['unknown_value', '"c"', 'a, b'],
    ],
  )
})
