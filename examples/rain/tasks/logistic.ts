import { Matrix, solve } from 'ml-matrix'
import type { Table } from './table.ts'

/** A fitted model: P(1) = sigmoid(Σ weights[j] · (x[j] − mean[j]) / scale[j] + intercept). */
export interface Logistic {
  readonly mean: readonly number[]
  readonly scale: readonly number[]
  readonly weights: readonly number[]
  readonly intercept: number
  /** Newton steps until convergence; about five is healthy. */
  readonly steps: number
}

const stepsMax = 50
const tolerance = 1e-9

/**
 * Logistic regression with an L2 penalty on standardised features, by Newton's method (iteratively reweighted least
 * squares). It minimises ½‖w‖² + c · Σ log loss, the intercept not penalised: scikit-learn's objective, so that `c` means
 * the same in both. No random numbers: the same rows give the same model. Throws when it does not converge.
 */
export function fitLogistic({ x, y }: Pick<Table, 'x' | 'y'>, c: number): Logistic {
  const rows = new Matrix(x.map(row => [...row]))
  const mean = rows.mean('column')
  // Population deviation, as scikit-learn has it; a constant feature is left as it is.
  const scale = rows.standardDeviation('column', { unbiased: false }).map(deviation => deviation || 1)

  const design = rows.subRowVector(mean).divRowVector(scale).addColumn(rows.columns, Array(rows.rows).fill(1))
  const transposed = design.transpose()
  const penalty = Matrix.diag([...mean.map(() => 1 / c), 0])

  let beta = Matrix.zeros(design.columns, 1)
  for (let steps = 1; steps <= stepsMax; steps++) {
    const p = design.mmul(beta).to1DArray().map(sigmoid)
    const gradient = transposed.mmul(Matrix.columnVector(p.map((value, i) => value - y[i]!))).add(penalty.mmul(beta))
    const curvature = transposed.mmul(design.clone().mulColumnVector(p.map(value => value * (1 - value)))).add(penalty)
    const step = solve(curvature, gradient)
    beta = beta.sub(step)
    if (step.abs().max() < tolerance) {
      const weights = beta.to1DArray()
      const intercept = weights.pop()!
      return { mean, scale, weights, intercept, steps }
    }
  }
  throw new Error(`The training has not converged in ${stepsMax} steps.`)
}

/** P(1) for each row, in double precision; the served ONNX model computes the same in single precision. */
export function predict({ mean, scale, weights, intercept }: Logistic, x: Table['x']): number[] {
  return x.map(row => sigmoid(row.reduce((z, v, j) => z + (weights[j]! * (v - mean[j]!)) / scale[j]!, intercept)))
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
