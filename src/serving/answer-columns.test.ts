import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnTypes } from './answer-columns.ts'

test('a column is as wide as its widest value, and a missing value says nothing', () => {
  const first = columnTypes([
    { label: 'a', score: 1, share: [0, 1], odd: null, date: '2026-01-01' },
    { label: null, score: 2, share: [0.5, 0.5], odd: null, date: null },
  ])
  assert.deepEqual(first, {
    label: 'VARCHAR',
    score: 'BIGINT',
    share: 'DOUBLE[]',
    odd: 'BOOLEAN',
    date: 'VARCHAR',
  })
  assert.deepEqual(columnTypes([{ score: 0.5, odd: [1], share: null, label: 3 }], first), {
    label: 'VARCHAR',
    score: 'DOUBLE',
    share: 'DOUBLE[]',
    odd: 'BIGINT[]',
    date: 'VARCHAR',
  })
})
