import { test } from 'node:test'
import { age, bytes, duration, latency, number, percent, shortId, signed, spanOf, withoutIds } from './format.ts'
import { linesOf } from './ui/log.tsx'

test('numbers are short and exact enough', t => {
  t.assert.deepEqual([0, 2922, -0.0007, 0.123_456, 1e-7, NaN].map(number), [
    '0',
    '2\u202f922',
    '−0.0007',
    '0.1235',
    '1.00e-7',
    '–',
  ])
  t.assert.deepEqual([0.5, -0.5, 0].map(signed), ['+0.5', '−0.5', '0'])
  t.assert.equal(percent(0.414, 1), '41.4 %')
  t.assert.deepEqual([0.786_4, 1_234.5, undefined].map(latency), ['≈ 0.79 ms', '≈ 1\u202f200 ms', '–'])
})

test('ages and durations use one unit that fits', t => {
  t.assert.deepEqual([4_000, 90_000, 7_200_000, 200_000_000].map(age), ['4 s', '1 min', '2 h', '2 d'])
  t.assert.deepEqual([640, 8_200, 185_000, 7_800_000].map(duration), ['640 ms', '8.2 s', '3 min 05 s', '2 h 10 min'])
  t.assert.deepEqual([12, 48_213, 5_000_000].map(bytes), ['12 B', '48.2 kB', '5.00 MB'])
})

test('a span of whole days is told in days', t => {
  const [first, last] = [Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 3) - 1]
  t.assert.equal(spanOf(first, last), '1 Oct 2026 to 2 Nov 2026')
  t.assert.match(spanOf(first + 1, last), /:\d\d to /)
})

test('an id keeps its kind and its end', t => {
  t.assert.deepEqual(
    [shortId('run_01a1fded-bf7c-732b-8025-0000316edc57'), shortId('umbrella'), shortId('ab'.repeat(32))],
    ['run_…6edc57', 'umbrella', 'ababababab'],
  )
})

test('a log loses its colours, and a progress bar leaves its last state only', t => {
  const escape = String.fromCodePoint(27)
  t.assert.deepEqual(linesOf(`${escape}[32mok${escape}[0m\r\n10 %\r50 %\r100 %\nlast`), {
    lines: ['ok', '100 %', 'last'],
    dropped: 0,
  })
})

test('a sentence for a narrow place has no id in brackets, and a percentage is not broken', t => {
  t.assert.equal(
    withoutIds(
      'window of 13 % (win_01a1fe25-8ccb-7000-a2bc-a7ed7084e68c) of run_01a1fe1c-d3f5-7000-abd2-ca625da788a5 is full.',
    ),
    'window of 13\u00a0% of run_…a788a5 is full.',
  )
})
