const lanczos = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
]

/** ln Γ(x) for x > 0, relative error about 1e-15 [Lanczos 1964, g = 7, 9 terms]; a RangeError for x ≤ 0. */
export function logGamma(x: number): number {
  if (!(x > 0)) throw new RangeError(`ln Γ is computed for positive numbers, not ${x}.`)
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  let series = lanczos[0]!
  for (let i = 1; i < lanczos.length; i++) series += lanczos[i]! / (x - 1 + i)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(series)
}

/**
 * Both regularised incomplete gamma functions: `lower` P(a, x) = γ(a, x)/Γ(a) and `upper` Q(a, x) = 1 − P(a, x).
 *
 * The smaller of the two is computed directly, so that tails keep their digits: by its power series where x < a + 1,
 * otherwise by Lentz's continued fraction [Press et al. 2007, 6.2].
 *
 * @param a Shape > 0.
 * @param x ≥ 0, may be infinite.
 */
export function regularisedGamma(a: number, x: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 }
  if (x === Infinity) return { lower: 1, upper: 0 }
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    const lower = Math.min(1, scale * powerSeries(a, x))
    return { lower, upper: 1 - lower }
  }
  const upper = Math.min(1, scale * continuedFraction(a, x))
  return { lower: 1 - upper, upper }
}

// Both need about √a terms near x = a; the bound is reached only beyond a ≈ 1e8.
const termsMax = 100_000

function powerSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < termsMax && term > sum * 1e-17; n++) {
    term *= x / (a + n)
    sum += term
  }
  return sum
}

function continuedFraction(a: number, x: number): number {
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let fraction = d
  for (let n = 1; n < termsMax; n++) {
    const coefficient = -n * (n - a)
    b += 2
    d = 1 / nonZero(coefficient * d + b)
    c = nonZero(b + coefficient / c)
    fraction *= c * d
    if (Math.abs(c * d - 1) < 1e-16) break
  }
  return fraction

  function nonZero(value: number): number {
    return Math.abs(value) < tiny ? tiny : value
  }
}
