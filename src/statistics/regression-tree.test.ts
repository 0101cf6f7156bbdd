import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from './random.ts'
import { marginalVariances, regressionTree } from './regression-tree.ts'

test('the leaves of a tree are boxes that fill the unit cube', () => {
  const random = seededRandom(1)
  const rows = Array.from({ length: 200 }, () => [random(), random(), random()])

  const leaves = regressionTree(
    rows,
    rows.map(([x, y]) => x! + y! * y!),
    { seed: 3 },
  )

  const volume = leaves.reduce((sum, { from, to }) => sum + from.reduce((p, low, i) => p * (to[i]! - low), 1), 0)
  assert.ok(leaves.length > 10)
  assert.ok(Math.abs(volume - 1) < 1e-12)
})

test('of 3x + y, x explains nine tenths of the variance, y one, and what is not in it nothing', () => {
  const random = seededRandom(2)
  const rows = Array.from({ length: 800 }, () => [random(), random(), random()])
  const targets = rows.map(([x, y]) => 3 * x! + y!)
  const shares = new Float64Array(3)
  for (let seed = 0; seed < 10; seed++) {
    const { total, main } = marginalVariances(regressionTree(rows, targets, { seed }), 3)
    main.forEach((variance, i) => (shares[i]! += variance / total / 10))
  }

  assert.ok(Math.abs(shares[0]! - 0.9) < 0.04, String(shares))
  assert.ok(Math.abs(shares[1]! - 0.1) < 0.04, String(shares))
  assert.ok(shares[2]! < 0.01, String(shares))
})
