import { test } from 'node:test'
import { aligned, hasBand, type MetricLine } from './metric-lines.ts'

const line = (at: number[], last: (number | null)[], more: Partial<MetricLine> = {}): MetricLine => ({
  id: 'a',
  label: 'a',
  color: 'line-1',
  at,
  last,
  low: last,
  high: last,
  ...more,
})

test('lines with steps of their own share an axis: what was not measured is no gap, what is no number is one', t => {
  const { at, columns } = aligned([line([0, 2], [1, 2]), line([1, 2], [null, 5], { low: [null, 4] })], false)
  t.assert.deepEqual(at, [0, 1, 2])
  t.assert.deepEqual(columns, [
    [1, undefined, 2],
    [1, undefined, 2],
    [1, undefined, 2],
    [undefined, null, 5],
    [undefined, null, 4],
    [undefined, null, 5],
  ])
})

test('on a logarithmic axis zero and below are gaps', t => {
  t.assert.deepEqual(aligned([line([0, 1, 2], [-1, 0, 3])], true).columns[0], [null, null, 3])
})

test('on a logarithmic axis a band that reaches below zero ends where the line is lowest', t => {
  const lines = [line([0, 1], [2, 3], { low: [-1, 0.5], high: [4, 3] })]
  t.assert.deepEqual(aligned(lines, true).columns[1], [0.5, 0.5])
})

test('a line has a band where a bucket holds different values', t => {
  t.assert.deepEqual([line([0], [1]), line([0], [1], { high: [2] }), line([0], [null])].map(hasBand), [
    false,
    true,
    false,
  ])
})
