/**
 * Point `index` of a Sobol sequence, coordinate by coordinate, scrambled by `seed`: any 2ᵏ successive points from a
 * multiple of 2ᵏ on fill each coordinate evenly, and the scrambling keeps that [Sobol 1967; directions of Joe and Kuo
 * 2008; nested uniform scrambling of Owen 1995 by the hash of Laine and Karras 2011, as in Burley 2020].
 *
 * @param dimension From 0; from {@link sobolDimensions} on the coordinates are those of the first ones under another
 *   scrambling, which is even in each of them and not between them.
 * @param index A whole number below 2³². @returns A number in [0, 1).
 */
export function sobol(index: number, dimension: number, seed: number): number {
  const directions = directionsOf(dimension % sobolDimensions)
  let bits = 0
  for (let rest = index >>> 0, at = 0; rest !== 0; rest >>>= 1, at++) if (rest & 1) bits ^= directions[at]!
  return (scrambled(bits >>> 0, mixed(seed ^ Math.imul(dimension + 1, 0x9e3779b9))) >>> 0) / 4_294_967_296
}

/** A permutation of the bits such that each is flipped or not by what is above it. */
function scrambled(bits: number, seed: number): number {
  let x = reversed(bits)
  x = (x + seed) | 0
  x ^= Math.imul(x, 0x6c50b47c)
  x ^= Math.imul(x, 0xb82f1e52)
  x ^= Math.imul(x, 0xc7afe638)
  x ^= Math.imul(x, 0x8d22f6e6)
  return reversed(x)
}

function reversed(bits: number): number {
  let x = bits
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1)
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2)
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4)
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8)
  return (x >>> 16) | (x << 16)
}

function mixed(seed: number): number {
  let x = seed | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return x ^ (x >>> 15)
}

const known = new Map<number, Int32Array>()

/** The direction numbers of one coordinate, by the recurrence of its primitive polynomial. */
function directionsOf(dimension: number): Int32Array {
  const before = known.get(dimension)
  if (before) return before
  const [polynomial = 0, ...initial] = dimension === 0 ? [] : table[dimension - 1]!
  const degree = initial.length
  const directions = new Int32Array(32)
  for (let i = 0; i < 32; i++) {
    if (dimension === 0) directions[i] = 1 << (31 - i)
    else if (i < degree) directions[i] = initial[i]! << (31 - i)
    else {
      directions[i] = directions[i - degree]! ^ (directions[i - degree]! >>> degree)
      for (let k = 1; k < degree; k++) directions[i]! ^= -((polynomial >>> (degree - 1 - k)) & 1) & directions[i - k]!
    }
  }
  known.set(dimension, directions)
  return directions
}

/** Of each coordinate after the first: the polynomial's inner coefficients, then the initial direction numbers. */
const table: readonly (readonly number[])[] = (
  '0.1 1.1.3 1.1.3.1 2.1.1.1 1.1.1.3.3 4.1.3.5.13 2.1.1.5.5.17 4.1.1.5.5.5 7.1.1.7.11.19 11.1.1.5.1.1 13.1.1.1.3.11 ' +
  '14.1.3.5.5.31 1.1.3.3.9.7.49 13.1.1.1.15.21.21 16.1.3.1.13.27.49 19.1.1.1.15.7.5 22.1.3.1.15.13.25 ' +
  '25.1.1.5.5.19.61 1.1.3.7.11.23.15.103 4.1.3.7.13.13.15.69 7.1.1.3.13.7.35.63 8.1.3.5.9.1.25.53 ' +
  '14.1.3.1.13.9.35.107 19.1.3.1.5.27.61.31 21.1.1.5.11.19.41.61 28.1.3.5.3.3.13.69 31.1.1.7.13.1.19.1 ' +
  '32.1.3.7.5.13.19.59 37.1.1.3.9.25.29.41 41.1.3.5.13.23.1.55 42.1.3.7.3.13.59.17 50.1.3.1.3.5.53.69 ' +
  '55.1.1.5.5.23.33.13 56.1.1.7.7.1.61.123 59.1.1.7.9.13.61.49 62.1.3.3.5.3.55.33 14.1.3.1.15.31.13.49.245 ' +
  '21.1.3.5.15.31.59.63.97 22.1.3.1.11.11.11.77.249 38.1.3.1.11.27.43.71.9 47.1.1.7.15.21.11.81.45 ' +
  '49.1.3.7.3.25.31.65.79 50.1.3.1.1.19.11.3.205 52.1.1.5.9.19.21.29.157 56.1.3.7.11.1.33.89.185 ' +
  '67.1.3.3.3.15.9.79.71 70.1.3.7.11.15.39.119.27 84.1.1.3.1.11.31.97.225 97.1.1.1.3.23.43.57.177 ' +
  '103.1.3.7.7.17.17.37.71 115.1.3.1.5.27.63.123.213 122.1.1.3.5.11.43.53.133 8.1.3.5.5.29.17.47.173.479 ' +
  '13.1.3.3.11.3.1.109.9.69 16.1.1.1.5.17.39.23.5.343 22.1.3.1.5.25.15.31.103.499 25.1.1.1.11.11.17.63.105.183 ' +
  '44.1.1.5.11.9.29.97.231.363 47.1.1.5.15.19.45.41.7.383 52.1.3.7.7.31.19.83.137.221 55.1.1.1.3.23.15.111.223.83 ' +
  '59.1.1.5.13.31.15.55.25.161 62.1.1.3.13.25.47.39.87.257'
)
  .split(' ')
  .map(row => row.split('.').map(Number))

export const sobolDimensions = table.length + 1
