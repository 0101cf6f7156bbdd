/**
 * Returns a generator of uniform numbers in [0, 1), the same sequence for the same seed on every machine.
 *
 * sfc32: 128 bits of state, period ≥ 2³², passes PractRand [Doty-Humphrey 2010]; the state is spread from the seed by
 * splitmix32. A number has 32 random bits. Not for secrets.
 *
 * @param seed Any finite number; integers up to 2⁵³ give different sequences. Throws a RangeError otherwise.
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isFinite(seed)) throw new RangeError(`A seed is a finite number, not ${seed}.`)
  let [a, b, c, counter] = initialState(seed)
  const next = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

function initialState(seed: number): [number, number, number, number] {
  const low = splitmix32(seed | 0)
  const high = splitmix32(Math.floor(seed / 4_294_967_296) ^ Math.floor((seed % 1) * 4_294_967_296))
  return [low(), low() ^ high(), high(), 1]
}

function splitmix32(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return mixed ^ (mixed >>> 15)
  }
}
