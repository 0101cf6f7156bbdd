import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sobol, sobolDimensions } from './sobol.ts'

test('each 2^k points of a coordinate are one in each of 2^k equal parts, from any multiple of 2^k on', () => {
  for (const seed of [0, 7])
    for (const dimension of [0, 1, 5, 30, sobolDimensions - 1])
      for (const start of [0, 32, 96]) {
        const parts = Array.from({ length: 32 }, (_, i) => Math.floor(sobol(start + i, dimension, seed) * 32))
        assert.deepEqual(
          parts.toSorted((a, b) => a - b),
          Array.from({ length: 32 }, (_, i) => i),
        )
      }
})

test('pairs of the first coordinates fill a grid of 8 by 8 evenly, as Joe and Kuo chose the directions for', () => {
  for (const [a, b] of [
    [0, 1],
    [1, 2],
  ] as const) {
    const cells = Array.from(
      { length: 64 },
      (_, i) => Math.floor(sobol(i, a, 3) * 8) * 8 + Math.floor(sobol(i, b, 3) * 8),
    )
    assert.equal(new Set(cells).size, 64)
  }
})

test('the same seed gives the same points, another one others', () => {
  const points = (seed: number): number[] => Array.from({ length: 8 }, (_, i) => sobol(i, 2, seed))

  assert.deepEqual(points(1), points(1))
  assert.notDeepEqual(points(1), points(2))
})
