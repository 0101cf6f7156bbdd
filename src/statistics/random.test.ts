import assert from 'node:assert/strict'
import test from 'node:test'
import { chiSquareSurvival } from './chi-square.ts'
import { seededRandom } from './random.ts'

const draws = (seed: number, count: number) => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, random)
}

test('a seed gives the sequence of sfc32, everywhere and always', () => {
  // From an independent implementation in Python, seeded by splitmix32(3) and splitmix32(0).
  assert.deepEqual(draws(3, 3), [0.5304348894860595, 0.28263394674286246, 0.5377415609546006])
})

test('different seeds, also beyond 32 bits and between whole numbers, give different sequences', () => {
  const firsts = [0, 1, 2, -1, 0.5, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 1_767_225_600_000].map(seed => draws(seed, 1)[0])

  assert.equal(new Set(firsts).size, firsts.length)
})

test('numbers lie in [0, 1), fill it evenly and do not depend on the one before', () => {
  const cells = new Float64Array(256)
  const random = seededRandom(42)
  const pairs = 100_000
  for (let i = 0; i < pairs; i++) {
    const [x, y] = [random(), random()]
    assert.ok(x >= 0 && x < 1 && y >= 0 && y < 1)
    cells[Math.floor(x * 16) * 16 + Math.floor(y * 16)]!++
  }

  const statistic = cells.reduce((sum, count) => sum + (count - pairs / 256) ** 2 / (pairs / 256), 0)
  const p = chiSquareSurvival(statistic, 255)
  assert.ok(p > 0.001 && p < 0.999, `p = ${p}`)
})

test('a seed that is not finite is refused', () => {
  assert.throws(() => seededRandom(NaN), RangeError)
})
