import { mean } from './moments.ts'
import { symmetricEigen } from './symmetric-eigen.ts'

/** One arm of an experiment: what was measured of each of n rows, and what was known of them before they met the arm. */
export interface ArmRows {
  readonly y: Float64Array
  /** Each of length n; NaN where a row has none. */
  readonly covariates: readonly Float64Array[]
}

export interface Adjustment {
  /** For each arm y − θᵀ(x − x̄): of the same mean difference, without what the covariates say of it. */
  readonly values: readonly Float64Array[]
  /** The share of the variance within the arms that is gone, 0 to 1. */
  readonly explained: number
  /** Covariates that say something of their own: so many degrees of freedom are used up. */
  readonly rank: number
}

/** Below this share of the largest eigenvalue a direction is a copy of others. */
const tolerance = 1e-9

/**
 * Takes out of an experiment's measurements what covariates from before it explain: CUPED [Deng, Xu, Kohavi, Walker 2013]
 * with several covariates. The arms have been drawn by lot, so the difference of their means is about the same thing, and
 * varies less, by the factor 1 − R².
 *
 *   θ = (Σₐ Sₓₓ)⁺ Σₐ Sₓᵧ,  the sums over products within each arm, so that what the arms do is no part of it
 *
 * The difference of two adjusted means is the coefficient of the arm in the regression of y on arm and covariates. Missing
 * covariates count as their mean.
 */
export function adjustForCovariates(arms: readonly ArmRows[]): Adjustment {
  const width = arms[0]?.covariates.length ?? 0
  const pooled = Array.from({ length: width }, (_, k) => meanOfKnown(arms.map(({ covariates }) => covariates[k]!)))
  const centred = arms.map(({ covariates }) =>
    covariates.map((column, k) => column.map(value => (Number.isNaN(value) ? 0 : value - pooled[k]!))),
  )
  const within = centred.map(columns => columns.map(deviations))
  const losses = arms.map(({ y }) => deviations(y))
  const scale = Array.from({ length: width }, (_, k) => Math.sqrt(products(within, within, k, k)))
  const known = scale.flatMap((each, k) => (each > 0 ? [k] : []))
  const matrix = known.map(i => Float64Array.from(known, k => products(within, within, i, k) / scale[i]! / scale[k]!))
  const right = known.map(k => sumOver(within.map((columns, arm) => dot(columns[k]!, losses[arm]!))) / scale[k]!)
  const { solution, rank } = solveSymmetric(matrix, right)
  const theta = known.map((k, index) => solution[index]! / scale[k]!)
  const all = sumOver(losses.map(each => dot(each, each)))
  const gone = sumOver(right.map((each, index) => each * solution[index]!))
  return {
    values: arms.map(({ y }, arm) =>
      y.map((value, row) => value - sumOver(known.map((k, index) => theta[index]! * centred[arm]![k]![row]!))),
    ),
    explained: all > 0 ? Math.min(1, Math.max(0, gone / all)) : 0,
    rank,
  }
}

type Columns = readonly Float64Array[]

function meanOfKnown(columns: Columns): number {
  let [sum, count] = [0, 0]
  for (const column of columns)
    for (const value of column)
      if (!Number.isNaN(value)) {
        sum += value
        count++
      }
  return count === 0 ? 0 : sum / count
}

function deviations(values: Float64Array): Float64Array {
  const centre = values.length === 0 ? 0 : mean(values)
  return values.map(value => value - centre)
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, row) => sum + value * b[row]!, 0)
const sumOver = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Σ over arms of the inner product of column i with column k. */
const products = (left: readonly Columns[], right: readonly Columns[], i: number, k: number): number =>
  sumOver(left.map((columns, arm) => dot(columns[i]!, right[arm]![k]!)))

/** The shortest solution of a symmetric system, with directions left out in which it is singular. */
function solveSymmetric(
  matrix: readonly Float64Array[],
  right: readonly number[],
): { solution: readonly number[]; rank: number } {
  const { values, vectors } = symmetricEigen(matrix)
  const least = Math.max(0, ...values) * tolerance
  const kept = [...values.keys()].filter(k => values[k]! > least)
  const along = kept.map(k => sumOver(right.map((each, i) => each * vectors[i]![k]!)) / values[k]!)
  return {
    solution: right.map((_, i) => sumOver(kept.map((k, index) => along[index]! * vectors[i]![k]!))),
    rank: kept.length,
  }
}
