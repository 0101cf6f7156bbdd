import assert from 'node:assert/strict'
import test from 'node:test'
import { psi } from './psi.ts'
import { seededRandom } from './random.ts'
import { calibratedThreshold, leaveOneOutScores } from './self-calibration.ts'

test('a window is compared with the sum of the others, not with itself', () => {
  const windows = [
    [10, 0],
    [6, 4],
    [5, 5],
  ]

  assert.deepEqual(leaveOneOutScores(windows), [psi([11, 9], [10, 0]), psi([15, 5], [6, 4]), psi([16, 4], [5, 5])])
})

test('empty windows have no score, and a single window has nothing to be compared with', () => {
  const windows = [[0, 0], [3, 4], Float64Array.of(4, 3)]

  assert.deepEqual(leaveOneOutScores(windows), [psi([4, 3], [3, 4]), psi([3, 4], [4, 3])])
  assert.deepEqual(
    leaveOneOutScores([
      [3, 4],
      [0, 0],
    ]),
    [],
  )
  assert.deepEqual(leaveOneOutScores([]), [])
})

test('windows over different bins are refused', () => {
  assert.throws(
    () =>
      leaveOneOutScores([
        [1, 2],
        [1, 2, 3],
      ]),
    RangeError,
  )
  assert.throws(
    () =>
      leaveOneOutScores([
        [1, 2, 3],
        [1, 2],
      ]),
    RangeError,
  )
})

test('history counts from 6 scores on, as mean + 3 standard deviations', () => {
  // Mean 0.3, deviations ±0.1: sd = √(0.06/5).
  const scores = [0.2, 0.4, 0.2, 0.4, 0.2, 0.4]
  const thresholds = { floor: 0.05, effect: 0.1 }

  assert.ok(Math.abs(calibratedThreshold(scores, thresholds) - (0.3 + 3 * Math.sqrt(0.06 / 5))) < 1e-12)
  assert.equal(calibratedThreshold(scores.slice(1), thresholds), 0.1)
})

test('neither a quiet history nor a small effect lowers the threshold below the noise', () => {
  assert.equal(calibratedThreshold([0, 0, 0, 0, 0, 0], { floor: 0.2, effect: 0.1 }), 0.2)
  assert.equal(calibratedThreshold([], { floor: 0.02, effect: 0.1 }), 0.1)
})

test('a column that moves from day to day does not alarm on such a day, but on a larger move', () => {
  const random = seededRandom(31)
  const day = (centre: number) => [500 * centre, 500 * (1 - centre)].map(Math.round)
  const past = Array.from({ length: 20 }, () => day(0.3 + 0.4 * random()))
  const reference = [0, 1].map(bin => past.reduce((sum, window) => sum + window[bin]!, 0))

  const threshold = calibratedThreshold(leaveOneOutScores(past), { floor: 0.02, effect: 0.1 })

  assert.ok(psi(reference, day(0.66)) > 0.1 && psi(reference, day(0.66)) < threshold)
  assert.ok(psi(reference, day(0.85)) > threshold)
})
