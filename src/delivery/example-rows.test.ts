import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleRows } from './example-rows.ts'

const inputs = [
  { name: 'age', datatype: 'FP64', shape: [-1, 1] },
  { name: 'city', datatype: 'BYTES', shape: [-1, 1] },
]
const first = { age: 31, city: 'Oslo' }

for (const { what, example, rows } of [
  { what: 'a table', example: { columns: ['city', 'age'], data: [['Oslo', 31]] }, rows: [first] },
  { what: 'columns', example: { inputs: { age: [31], city: ['Oslo'] } }, rows: [first] },
  {
    what: 'a table with gaps',
    example: {
      columns: ['age', 'city'],
      data: [
        [null, 'Rome'],
        [31, 'Oslo'],
      ],
    },
    rows: [first],
  },
])
  test(`the rows of an example are tried that are complete: ${what}`, () => {
    assert.deepEqual(exampleRows(inputs, JSON.stringify(example)), { rows, isGiven: true })
  })

for (const { what, text } of [
  { what: 'no example', text: undefined },
  { what: 'an example that is no JSON', text: '{"columns": ["age", "city"], "data": [[NaN, "Oslo"]]}' },
  { what: 'an array', text: '{"inputs": [[1, 2]]}' },
  { what: 'a table of other columns', text: '{"columns": ["x"], "data": [[1]]}' },
])
  test(`a row of nothing is tried when there is ${what}`, () => {
    assert.deepEqual(exampleRows(inputs, text), { rows: [{ age: 0, city: '' }], isGiven: false })
  })

test('five rows are enough', () => {
  const example = { columns: ['age', 'city'], data: Array.from({ length: 9 }, (_, n) => [n, 'Oslo']) }
  assert.equal(exampleRows(inputs, JSON.stringify(example)).rows.length, 5)
})
