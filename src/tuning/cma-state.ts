import { seededRandom, normalQuantile, symmetricEigen } from '#statistics'

/** The search distribution of one generation: a normal around `mean` with covariance `step`² · B D² Bᵀ. */
export interface CmaState {
  /** Counts on over restarts. */
  readonly generation: number
  /** Trials in a generation. */
  readonly size: number
  readonly mean: Float64Array
  readonly step: number
  readonly covariance: readonly Float64Array[]
  /** Evolution paths of the step size and of the covariance. */
  readonly stepPath: Float64Array
  readonly path: Float64Array
  /** Roots of the eigenvalues, and eigenvectors, of the covariance. */
  readonly axes: { readonly lengths: Float64Array; readonly vectors: readonly Float64Array[] }
  /** Generations since the last restart, and the best loss of each of the last ones. */
  readonly age: number
  readonly bests: readonly number[]
}

const firstStep = 0.3

export const firstSize = (dimensions: number): number => 4 + Math.floor(3 * Math.log(dimensions))

export function startCma({
  dimensions,
  size,
  generation,
  mean,
}: {
  dimensions: number
  size: number
  generation: number
  mean: Float64Array
}): CmaState {
  const identity = Array.from({ length: dimensions }, (_, i) =>
    Float64Array.from({ length: dimensions }, (_unused, k) => (i === k ? 1 : 0)),
  )
  return {
    generation,
    size,
    mean,
    step: firstStep,
    covariance: identity,
    stepPath: new Float64Array(dimensions),
    path: new Float64Array(dimensions),
    axes: { lengths: new Float64Array(dimensions).fill(1), vectors: identity },
    age: 0,
    bests: [],
  }
}

/** A draw of N(0, C): the direction from the mean, before the step size. The same for the same seed. */
export function drawDirection({ axes: { lengths, vectors } }: CmaState, seed: number): Float64Array {
  const random = seededRandom(seed)
  const normals = lengths.map(length => length * normalQuantile(Math.max(random(), 2 ** -33)))
  return Float64Array.from(vectors, row => row.reduce((sum, value, k) => sum + value * normals[k]!, 0))
}

/**
 * The next generation, from the directions of this one, best first [Hansen 2016, "The CMA Evolution Strategy: A
 * Tutorial", figure 6, without negative weights].
 */
export function nextGeneration(state: CmaState, ordered: readonly Float64Array[], best: number): CmaState {
  const n = state.mean.length
  const { weights, muEff, cSigma, dSigma, cc, c1, cMu, expectedLength } = constantsOf(n, state.size)
  const shift = Float64Array.from({ length: n }, (_, i) =>
    weights.reduce((sum, weight, rank) => sum + weight * ordered[rank]![i]!, 0),
  )
  const mean = state.mean.map((value, i) => value + state.step * shift[i]!)
  const straight = whitened(state.axes, shift)
  const stepPath = state.stepPath.map(
    (value, i) => (1 - cSigma) * value + Math.sqrt(cSigma * (2 - cSigma) * muEff) * straight[i]!,
  )
  const length = Math.hypot(...stepPath)
  const isSteady = length / Math.sqrt(1 - (1 - cSigma) ** (2 * (state.age + 1))) < (1.4 + 2 / (n + 1)) * expectedLength
  const path = state.path.map(
    (value, i) => (1 - cc) * value + (isSteady ? Math.sqrt(cc * (2 - cc) * muEff) * shift[i]! : 0),
  )
  const kept = 1 - c1 - cMu + (isSteady ? 0 : c1 * cc * (2 - cc))
  const covariance = state.covariance.map((row, i) =>
    row.map((value, k) => {
      const spread = weights.reduce((sum, weight, rank) => sum + weight * ordered[rank]![i]! * ordered[rank]![k]!, 0)
      return kept * value + c1 * path[i]! * path[k]! + cMu * spread
    }),
  )
  const { values, vectors } = symmetricEigen(covariance)
  return {
    generation: state.generation + 1,
    size: state.size,
    mean,
    step: state.step * Math.exp(Math.min(1, (cSigma / dSigma) * (length / expectedLength - 1))),
    covariance,
    stepPath,
    path,
    axes: { lengths: values.map(value => Math.sqrt(Math.max(value, 1e-20))), vectors },
    age: state.age + 1,
    bests: [...state.bests, best].slice(-historyOf(n, state.size)),
  }
}

/** Whether nothing more is to be had from here [Auger and Hansen 2005]: too narrow, too flat, or too lopsided. */
export function isSpent({ axes: { lengths }, step, bests, mean, size }: CmaState): boolean {
  const [least, most] = [Math.min(...lengths), Math.max(...lengths)]
  const isFlat = bests.length >= historyOf(mean.length, size) && Math.max(...bests) - Math.min(...bests) < 1e-12
  return step * most < 1e-4 * firstStep || isFlat || most > 1e7 * least
}

const historyOf = (dimensions: number, size: number): number => 10 + Math.ceil((30 * dimensions) / size)

/** C^(−½) · y */
function whitened({ lengths, vectors }: CmaState['axes'], y: Float64Array): Float64Array {
  const along = lengths.map((length, k) => vectors.reduce((sum, row, i) => sum + row[k]! * y[i]!, 0) / length)
  return Float64Array.from(vectors, row => row.reduce((sum, value, k) => sum + value * along[k]!, 0))
}

function constantsOf(n: number, size: number) {
  const parents = Math.floor(size / 2)
  const raw = Array.from({ length: parents }, (_, rank) => Math.log((size + 1) / 2) - Math.log(rank + 1))
  const sum = raw.reduce((total, weight) => total + weight, 0)
  const weights = raw.map(weight => weight / sum)
  const muEff = 1 / weights.reduce((total, weight) => total + weight * weight, 0)
  const cSigma = (muEff + 2) / (n + muEff + 5)
  const c1 = 2 / ((n + 1.3) ** 2 + muEff)
  return {
    weights,
    muEff,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma,
    cc: (4 + muEff / n) / (n + 4 + (2 * muEff) / n),
    c1,
    cMu: Math.min(1 - c1, (2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff)),
    expectedLength: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  }
}
