import assert from 'node:assert/strict'
import { test } from 'node:test'
import { truncatedNormals } from './truncated-normal.ts'

const means = Float64Array.of(0.1, 0.5, 0.98)
const deviations = Float64Array.of(0.05, 1, 0.2)
const normals = truncatedNormals(means, deviations)

test('the densities add up to 1 over [0, 1], and so do the probabilities of its parts', () => {
  const parts = 2_000
  const sums = new Float64Array(3)
  const masses = new Float64Array(3)
  for (let part = 0; part < parts; part++) {
    const density = new Float64Array(3)
    const mass = new Float64Array(3)
    normals.addLogDensities((part + 0.5) / parts, density)
    normals.addLogMasses(part / parts, (part + 1) / parts, mass)
    density.forEach((log, k) => (sums[k]! += Math.exp(log) / parts))
    mass.forEach((log, k) => (masses[k]! += Math.exp(log)))
  }

  for (const sum of [...sums, ...masses]) assert.ok(Math.abs(sum - 1) < 1e-4, String(sum))
})

test('a quantile is where that share of the probability lies below', () => {
  for (const unit of [0.01, 0.3, 0.5, 0.99])
    for (const k of [0, 1, 2]) {
      const mass = new Float64Array(3)
      normals.addLogMasses(0, normals.quantile(k, unit), mass)
      assert.ok(Math.abs(Math.exp(mass[k]!) - unit) < 1e-5)
    }
})
