import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#statistics'
import { columnDrift, type ColumnPair } from './drift.ts'

const rule = { alpha: 0.0025, effect: 0.25, bins: 5 }

function normals(count: number, seed: number, { shift = 0, memory = 0 } = {}): readonly number[] {
  const random = seededRandom(seed)
  let previous = 0
  return Array.from({ length: count }, () => {
    const fresh = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    previous = memory * previous + Math.sqrt(1 - memory ** 2) * fresh
    return previous + shift
  })
}

/** The reference cut into stretches of 60, each with all the others. */
const stretchesOf = (values: readonly number[]): ColumnPair['stretches'] =>
  Array.from({ length: Math.floor(values.length / 60) }, (_, i) => ({
    rows: values.slice(i * 60, (i + 1) * 60),
    others: [...values.slice(0, i * 60), ...values.slice((i + 1) * 60)],
  }))

test('a column that has not moved exceeds in fewer than 1 % of windows', () => {
  const reference = normals(720, 1)
  const stretches = stretchesOf(reference)

  const exceeded = Array.from({ length: 300 }, (_, i) =>
    columnDrift({ reference, current: normals(60, 100 + i), stretches }, rule)!,
  ).filter(({ score, threshold }) => score >= threshold).length

  assert.ok(exceeded <= 2, `${exceeded} of 300`)
})

test('a shift of one standard deviation exceeds', () => {
  const reference = normals(720, 1)

  const { score, threshold, excess } = columnDrift(
    { reference, current: normals(60, 2, { shift: 1 }), stretches: stretchesOf(reference) },
    rule,
  )!

  assert.ok(score > threshold && excess > 0.5, `${score} ${threshold} ${excess}`)
})

test('a column whose days resemble each other has a higher threshold, and says why', () => {
  const thresholds = [0, 0.95].map(memory => {
    const reference = normals(1_440, 3, { memory })
    return columnDrift({ reference, current: normals(60, 4, { memory }), stretches: stretchesOf(reference) }, rule)!
  })

  assert.ok(thresholds[1]!.threshold > 3 * thresholds[0]!.threshold)
  assert.match(thresholds[1]!.because, /stretches of the reference|design effect \d/)
})

test('texts, flags and constants are compared too', () => {
  const words = Array.from({ length: 200 }, (_, i) => (i % 4 === 0 ? 'snow' : 'rain'))
  const drift = (
    reference: readonly (string | number | boolean)[],
    current: readonly (string | number | boolean)[],
  ): boolean => {
    const { score, threshold } = columnDrift({ reference, current, stretches: [] }, rule)!
    return score >= threshold
  }

  assert.deepEqual(
    [
      drift(words, words.slice(0, 60)),
      drift(
        words,
        Array.from({ length: 60 }, () => 'snow'),
      ),
      drift(
        Array.from({ length: 200 }, () => 7),
        Array.from({ length: 60 }, () => 7),
      ),
      drift(
        Array.from({ length: 200 }, () => 7),
        Array.from({ length: 60 }, (_, i) => 7 + (i % 2)),
      ),
      drift(
        words.map(word => word === 'snow'),
        words.slice(0, 60).map(word => Number(word === 'snow')),
      ),
    ],
    [false, true, false, true, false],
  )
})

test('fewer than 20 values say nothing, missing ones do not count', () => {
  const reference = normals(200, 1)

  assert.equal(
    columnDrift(
      { reference, current: [...normals(19, 2), ...Array.from({ length: 60 }, () => null)], stretches: [] },
      rule,
    ),
    undefined,
  )
})

test('infinite values go to the outer bins', () => {
  const reference = normals(200, 1)

  const drift = columnDrift({ reference, current: Array.from({ length: 40 }, () => Infinity), stretches: [] }, rule)!

  assert.deepEqual(drift.bins.current, [0, 0, 0, 0, 1])
})
