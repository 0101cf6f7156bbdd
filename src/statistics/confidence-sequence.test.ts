import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differenceBounds, meanBounds, type Sample } from './confidence-sequence.ts'
import { seededRandom } from './random.ts'

const sample = (count: number, mean = 0, variance = 1): Sample => ({ count, mean, variance })

test('the radius is that of the paper: 0.56 σ at 100 rows, 0.10 at 1 000, 0.031 at 10 000', () => {
  // By the formula of Waudby-Smith et al. for ρ = 0.05 and α = 0.05.
  for (const [count, radius] of [
    [100, 0.56],
    [1_000, 0.1],
    [10_000, 0.031],
  ] as const)
    assert.ok(Math.abs(meanBounds(sample(count, 3))!.high - 3 - radius) < 0.05 * radius + 0.005, String(count))
})

test('two arms of equal size and variance know their difference as one of four times the variance', () => {
  const { low, high, value } = differenceBounds(sample(500, 0.3), sample(500, 0.1))!
  const one = meanBounds(sample(1_000, 0, 4))!

  assert.ok(Math.abs(value - 0.2) < 1e-12)
  assert.ok(Math.abs(high - low - (one.high - one.low)) < 1e-12)
  assert.deepEqual([differenceBounds(sample(49), sample(1_000)), meanBounds(sample(49))], [undefined, undefined])
})

test('whoever looks after every hundred rows is wrong about a difference that is not there in one of twenty runs at most', () => {
  const random = seededRandom(5)
  const [runs, rows] = [400, 3_000]
  let wrong = 0
  for (let run = 0; run < runs; run++) {
    const sums = [0, 1].map(() => ({ n: 0, sum: 0, squares: 0 }))
    for (let row = 1; row <= rows; row++) {
      const arm = sums[random() < 0.2 ? 1 : 0]!
      const loss = random() ** 2
      arm.n++
      arm.sum += loss
      arm.squares += loss * loss
      if (row % 100 !== 0) continue
      const [first, second] = sums.map(({ n, sum, squares }) => ({
        count: n,
        mean: sum / n,
        variance: (squares - (sum * sum) / n) / (n - 1),
      }))
      const bounds = differenceBounds(first!, second!)
      if (!bounds || (bounds.low <= 0 && bounds.high >= 0)) continue
      wrong++
      break
    }
  }
  // Four standard deviations of a binomial count above one in twenty.
  assert.ok(wrong / runs < 0.05 + 4 * Math.sqrt((0.05 * 0.95) / runs), `${wrong} of ${runs}`)
})

test('bounds that cannot be are refused', () => {
  assert.throws(() => meanBounds(sample(100), { alpha: 1 }), /alpha is between 0 and 1, not 1/)
  assert.throws(() => meanBounds(sample(100), { rho: 0 }), /rho is above 0, not 0/)
})
