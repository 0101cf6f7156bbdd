import assert from 'node:assert/strict'
import { test } from 'node:test'
import { symmetricEigen } from './symmetric-eigen.ts'

test('a matrix is its eigenvectors, stretched by its eigenvalues', () => {
  const rows = [
    [4, 1, -2, 0.5],
    [1, 3, 0.25, 1],
    [-2, 0.25, 5, -1],
    [0.5, 1, -1, 2],
  ].map(row => Float64Array.from(row))

  const { values, vectors } = symmetricEigen(rows)

  for (const [i, row] of rows.entries())
    for (const [k, value] of row.entries()) {
      const sum = values.reduce((total, each, n) => total + each * vectors[i]![n]! * vectors[k]![n]!, 0)
      const inner = values.reduce((total, _, n) => total + vectors[n]![i]! * vectors[n]![k]!, 0)
      assert.ok(Math.abs(sum - value) < 1e-12)
      assert.ok(Math.abs(inner - (i === k ? 1 : 0)) < 1e-12)
    }
})

test('the eigenvalues of [[2, 1], [1, 2]] are 1 and 3', () => {
  const { values } = symmetricEigen([Float64Array.of(2, 1), Float64Array.of(1, 2)])

  assert.deepEqual(
    [...values].toSorted((a, b) => a - b).map(value => value.toFixed(12)),
    ['1.000000000000', '3.000000000000'],
  )
})
