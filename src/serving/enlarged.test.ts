import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enlarged } from './enlarged.ts'

const inputs = [
  { name: 'wind', datatype: 'FP64', shape: [-1, 1] },
  { name: 'day', datatype: 'INT64', shape: [-1, 1] },
  { name: 'city', datatype: 'BYTES', shape: [-1, 1] },
]
const rows = [
  { wind: -1, day: 3, city: 'Lyon' },
  { wind: 2.5, day: 9, city: 'Oslo' },
]

test('few rows become many, of values that were seen, or lie between them', () => {
  const many = enlarged(inputs, rows, 500)

  assert.equal(many.length, 500)
  assert.deepEqual(many.slice(0, 2), rows)
  const seen = (name: string) => [...new Set(many.map(row => row[name]))]
  assert.deepEqual(
    [seen('day'), seen('city')],
    [
      [3, 9],
      ['Lyon', 'Oslo'],
    ],
  )
  assert.ok(seen('wind').length > 490 && seen('wind').every(wind => Number(wind) >= -1 && Number(wind) <= 2.5))
  assert.deepEqual(enlarged(inputs, rows, 500), many)
  assert.deepEqual(enlarged(inputs, rows, 1), rows)
})
