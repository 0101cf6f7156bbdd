import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '#statistics'
import { scoreBucket } from './score-bucket.ts'
import { scoreShift, type ScoreCounts } from './score-shift.ts'

function countsOf(scores: readonly number[]): ScoreCounts {
  const counts = new Map<number, number>()
  for (const score of scores) counts.set(scoreBucket(score)!, (counts.get(scoreBucket(score)!) ?? 0) + 1)
  return counts
}

test('buckets are in the order of the scores, and tell those apart that lie near 0 or near 1', () => {
  const scores = [-7, -1, -0.3, -1e-5, 0, 1e-5, 0.001, 0.01, 0.3, 0.5, 0.6, 0.99, 0.999, 1 - 1e-5, 1, 1.5, 900]
  const buckets = scores.map(score => scoreBucket(score)!)

  assert.deepEqual(
    buckets,
    buckets.toSorted((a, b) => a - b),
  )
  assert.equal(new Set(buckets).size, scores.length)
  assert.deepEqual([NaN, Infinity].map(scoreBucket), [undefined, undefined])
})

test('equal scores have no index to speak of; others have one above what chance makes', () => {
  const random = seededRandom(7)
  const rows = Array.from({ length: 2_000 }, (_, row) => (row + 0.5) / 2_000)
  const scores = rows.map(u => u ** 3)
  const shift = (shadow: readonly number[]) => scoreShift(countsOf(shadow), countsOf(scores))!

  assert.equal(shift(scores).psi, 0)
  const again = shift(rows.map(() => random() ** 3))
  assert.ok(again.psi < again.byChance && again.byChance < 0.03, JSON.stringify(again))
  // The deciles of u³ hold (2i − 1) % of u^1.5: an index of 0.463.
  const other = shift(scores.map(Math.sqrt))
  assert.ok(Math.abs(other.psi - 0.463) < 0.05, JSON.stringify(other))
  assert.equal(scoreShift(new Map(), countsOf(scores)), undefined)
})

test('of a revision that always says the same it shows in either direction', () => {
  const constant = countsOf(Array.from({ length: 500 }, () => 0.7))
  const other = (score: number) => scoreShift(countsOf(Array.from({ length: 500 }, () => score)), constant)!

  assert.ok(other(0.9).psi > 0.25 && other(0.2).psi > 0.25)
  assert.equal(other(0.7).psi, 0)
})
