import assert from 'node:assert/strict'
import test from 'node:test'
import { pairedDifference } from './bootstrap.ts'
import { seededRandom } from './random.ts'

const losses = (random: () => number, length: number) => Float64Array.from({ length }, random)

test('the same seed gives the same interval, another seed a similar one', () => {
  const random = seededRandom(1)
  const [a, b] = [losses(random, 100), losses(random, 100)]
  const first = pairedDifference(a, b, { seed: 5 })
  const other = pairedDifference(a, b, { seed: 6 })

  assert.deepEqual(pairedDifference(a, b, { seed: 5 }), first)
  assert.notEqual(other.lower, first.lower)
  assert.ok(Math.abs(other.lower - first.lower) < 0.02)
})

test('the difference is A minus B, and exchanging them turns the interval round', () => {
  const [a, b] = [
    [1, 2, 3, 4],
    [0, 2, 1, 1],
  ]
  const forward = pairedDifference(a, b, { seed: 1 })
  const backward = pairedDifference(b, a, { seed: 1 })

  assert.deepEqual([forward.difference, forward.n], [1.5, 4])
  assert.deepEqual([backward.difference, backward.n], [-1.5, 4])
  assert.ok(forward.lower >= 0 && forward.lower < 1.5 && forward.upper > 1.5 && forward.upper <= 3)
  assert.ok(Math.abs(backward.lower + forward.upper) < 1e-9 && Math.abs(backward.upper + forward.lower) < 1e-9)
})

test('a constant difference has an interval of no width however much the rows differ', () => {
  const a = [1, 50, 3, 1000]
  const interval = pairedDifference(
    a,
    a.map(loss => loss - 2),
    { seed: 1, iterations: 50 },
  )

  assert.deepEqual(interval, { difference: 2, lower: 2, upper: 2, n: 4 })
})

test('an interval of 95 % covers the true difference about 95 times in 100', () => {
  const random = seededRandom(3)
  let covered = 0
  for (let seed = 0; seed < 400; seed++) {
    const [a, b] = [losses(random, 50).map(loss => loss + 0.2), losses(random, 50)]
    const { lower, upper } = pairedDifference(a, b, { seed, iterations: 300 })
    if (lower <= 0.2 && upper >= 0.2) covered++
  }

  assert.ok(covered >= 360 && covered <= 392, `${covered} of 400`)
})

test('more confidence needs a wider interval, and nonsense is refused', () => {
  const random = seededRandom(4)
  const [a, b] = [losses(random, 60), losses(random, 60)]
  const width = (confidence: number) => {
    const { lower, upper } = pairedDifference(a, b, { seed: 1, confidence })
    return upper - lower
  }

  assert.ok(width(0.99) > width(0.95) && width(0.95) > width(0.5))
  assert.throws(() => width(1), RangeError)
  assert.throws(() => pairedDifference([1], [1, 2], { seed: 1 }), RangeError)
  assert.throws(() => pairedDifference([1, NaN], [1, 2], { seed: 1 }), RangeError)
  assert.throws(() => pairedDifference([1], [1], { seed: 1, iterations: 0 }), RangeError)
})
