import { regularisedGamma } from './gamma.ts'
import { requireProbability } from './precondition.ts'

/**
 * The standard normal distribution function Φ(x), to about 1e-14 relative in both tails.
 *
 *   Φ(−x) = ½·Q(½, x²/2),  x ≥ 0
 *
 * @param x Standard deviations from the mean; may be infinite. NaN gives NaN.
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN
  const tail = 0.5 * regularisedGamma(0.5, (x * x) / 2).upper
  return x < 0 ? tail : 1 - tail
}

/**
 * The standard normal quantile Φ⁻¹(p), to about 1e-15 relative [Wichura 1988, AS 241, PPND16].
 *
 * @param p In [0, 1]; 0 gives −Infinity and 1 gives Infinity. Throws a RangeError outside.
 */
export function normalQuantile(p: number): number {
  requireProbability(p)
  if (p === 0 || p === 1) return p === 0 ? -Infinity : Infinity
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q
    return (q * polynomial(central[0], r)) / polynomial(central[1], r)
  }
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)))
  const [coefficients, shift] = r <= 5 ? [middle, 1.6] : [far, 5]
  const magnitude = polynomial(coefficients[0], r - shift) / polynomial(coefficients[1], r - shift)
  return q < 0 ? -magnitude : magnitude
}

type Rational = readonly [numerator: readonly number[], denominator: readonly number[]]

// Coefficients from the highest power down.
const central: Rational = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
    133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852546, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
    42.31333070160091, 1,
  ],
]
const middle: Rational = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
]
const far: Rational = [
  [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
    1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
    0.1369298809227358, 0.599832206555888, 1,
  ],
]

function polynomial(coefficients: readonly number[], x: number): number {
  let value = 0
  for (const coefficient of coefficients) value = value * x + coefficient
  return value
}
