import { normalCdf, normalQuantile } from './normal.ts'

/** Normal distributions that are cut to [0, 1], all of them asked at once. Logarithms are exact to about 1e-6. */
export interface TruncatedNormals {
  /** Adds to each of `logs` the logarithm of that distribution's density at `x` in [0, 1]. */
  addLogDensities(x: number, logs: Float64Array): void
  /** Adds to each of `logs` the logarithm of that distribution's probability of [from, to] in [0, 1]. */
  addLogMasses(from: number, to: number, logs: Float64Array): void
  /** The quantile of one of them at a number in [0, 1]. */
  quantile(index: number, unit: number): number
}

/** @param means In [0, 1]. @param deviations Above 0, of the uncut distributions; of the same length. */
export function truncatedNormals(means: Float64Array, deviations: Float64Array): TruncatedNormals {
  const inside = means.map((mean, k) => quickCdf((1 - mean) / deviations[k]!) - quickCdf(-mean / deviations[k]!))
  const scales = deviations.map(deviation => 1 / deviation)
  const logScales = inside.map((share, k) => Math.log(deviations[k]! * rootTau * share))
  return {
    addLogDensities(x, logs) {
      for (let k = 0; k < logs.length; k++) {
        const z = (x - means[k]!) * scales[k]!
        logs[k]! -= 0.5 * z * z + logScales[k]!
      }
    },
    addLogMasses(from, to, logs) {
      for (let k = 0; k < logs.length; k++) {
        const [mean, deviation] = [means[k]!, deviations[k]!]
        const mass = quickCdf((to - mean) / deviation) - quickCdf((from - mean) / deviation)
        logs[k]! += Math.log(Math.max(mass, 1e-300) / inside[k]!)
      }
    },
    quantile(index, unit) {
      const [mean, deviation] = [means[index]!, deviations[index]!]
      const from = normalCdf(-mean / deviation)
      const to = normalCdf((1 - mean) / deviation)
      const drawn = mean + deviation * normalQuantile(Math.min(1, from + unit * (to - from)))
      return Math.min(1, Math.max(0, drawn))
    },
  }
}

const rootTau = Math.sqrt(2 * Math.PI)

/** Φ(x) to 1.2e-7 relative [Press et al. 2007, 6.2.2: Chebyshev fit of erfc]. */
function quickCdf(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2
  const t = 2 / (2 + z)
  const fit =
    -1.26551223 +
    t *
      (1.00002368 +
        t *
          (0.37409196 +
            t *
              (0.09678418 +
                t *
                  (-0.18628806 +
                    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))))
  const tail = 0.5 * t * Math.exp(-z * z + fit)
  return x < 0 ? tail : 1 - tail
}
