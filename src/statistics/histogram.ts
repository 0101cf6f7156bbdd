/**
 * How values are sorted into bins. `edges` e₁ < … < e_b make the b + 1 bins (−∞, e₁], (e₁, e₂] … (e_b, ∞);
 * `categories` have a bin each, followed by one for every other value. Plain JSON, to be stored with a reference.
 */
export type Binning =
  | { kind: 'numeric'; edges: readonly number[] }
  | { kind: 'categorical'; categories: readonly string[] }

const pointValuesMax = 20

/**
 * Bins of nearly equal shares of a numeric reference, each of which holds at least one of its values.
 *
 * The edges are the distinct observed quantiles at i/binsMax (the smallest value that a share of at least i/binsMax
 * does not exceed), so a point mass collapses several edges into one. At most 20 distinct values, all whole, have a
 * bin each. A constant reference c has three bins: below c, c, above c, so that a change in either direction shows.
 *
 * @param values Numbers in any order; null, NaN and ±Infinity are left out. Throws a RangeError if nothing is left.
 * @param binsMax Whole, ≥ 2: how many bins at most, except where whole values have one each.
 */
export function quantileBinning(values: ArrayLike<number | null | undefined>, binsMax: number): Binning {
  if (!(Number.isInteger(binsMax) && binsMax >= 2)) throw new RangeError(`At least 2 bins are needed, not ${binsMax}.`)
  const sorted = finiteSorted(values)
  if (sorted.length === 0) throw new RangeError('There is no finite value to take quantiles of.')
  const largest = sorted.at(-1)!
  if (sorted[0] === largest) return { kind: 'numeric', edges: [justBelow(largest), largest] }
  return { kind: 'numeric', edges: wholePoints(sorted) ?? quantileEdges(sorted, binsMax) }
}

/**
 * A bin for each of the most frequent categories; every other value goes to the last bin, "other".
 *
 * @param values Categories; null and undefined are left out.
 * @param max At most this many categories, ≥ 0; equally frequent ones in the order of their code units.
 */
export function categoryBinning(values: ArrayLike<string | null | undefined>, max: number): Binning {
  if (!(max >= 0)) throw new RangeError(`The number of categories is at least 0, not ${max}.`)
  const counts = new Map<string, number>()
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value !== null && value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const ranked = [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
  return { kind: 'categorical', categories: ranked.slice(0, max).map(([category]) => category) }
}

/**
 * Counts how many values fall into each bin.
 *
 * @param values null, undefined and NaN are not counted; ±Infinity go to the outer bins. In numeric bins what is not
 *   a number is not counted either; in categorical bins a number or boolean counts under its text.
 * @returns Length `binCount(binning)`; the last cell of categorical bins is "other".
 */
export function countBins(
  binning: Binning,
  values: ArrayLike<number | string | boolean | null | undefined>,
): Float64Array {
  const counts = new Float64Array(binCount(binning))
  const place = binning.kind === 'numeric' ? numericPlace(binning.edges) : categoricalPlace(binning.categories)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const bin = value === null || value === undefined || Number.isNaN(value) ? undefined : place(value)
    if (bin !== undefined) counts[bin]!++
  }
  return counts
}

/** How many bins there are, "other" included: the length of what `countBins` returns. */
export function binCount(binning: Binning): number {
  return (binning.kind === 'numeric' ? binning.edges.length : binning.categories.length) + 1
}

/**
 * A label to read for each bin, such as '≤ 3.2', '3.2 – 5', '> 5', or a category, or 'other'.
 *
 * Edges have as many significant digits, at least 4, as tell them apart.
 *
 * @returns Length `binCount(binning)`, in the order of the bins.
 */
export function binLabels(binning: Binning): readonly string[] {
  if (binning.kind === 'categorical') return [...binning.categories, 'other']
  const { edges } = binning
  if (edges.length === 0) return ['all']
  if (edges.length === 2 && edges[0] === justBelow(edges[1]!)) return [`< ${edges[1]}`, `${edges[1]}`, `> ${edges[1]}`]
  const texts = distinctTexts(edges)
  const between = texts.slice(1).map((text, i) => `${texts[i]} – ${text}`)
  return [`≤ ${texts[0]}`, ...between, `> ${texts.at(-1)}`]
}

function finiteSorted(values: ArrayLike<number | null | undefined>): Float64Array {
  const kept = new Float64Array(values.length)
  let length = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (Number.isFinite(value)) kept[length++] = value!
  }
  return kept.subarray(0, length).sort()
}

/** An edge at each value but the largest, if the values are whole and few. */
function wholePoints(sorted: Float64Array): number[] | undefined {
  const points: number[] = []
  for (const value of sorted) {
    if (value === points.at(-1)) continue
    if (!Number.isInteger(value) || points.length === pointValuesMax) return undefined
    points.push(value)
  }
  return points.slice(0, -1)
}

function quantileEdges(sorted: Float64Array, binsMax: number): number[] {
  const largest = sorted.at(-1)!
  const edges = new Set<number>()
  for (let i = 1; i < binsMax; i++) {
    const edge = sorted[Math.ceil((i / binsMax) * sorted.length) - 1]!
    // An edge at the largest value would leave an empty bin above it; its point mass starts after the value before.
    edges.add(edge < largest ? edge : sorted[sorted.indexOf(largest) - 1]!)
  }
  return [...edges]
}

function justBelow(value: number): number {
  return value === 0 ? -Number.MIN_VALUE : value - Math.abs(value) * Number.EPSILON
}

function numericPlace(edges: readonly number[]): (value: number | string | boolean) => number | undefined {
  return value => {
    if (typeof value !== 'number') return undefined
    let low = 0
    let high = edges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= edges[middle]!) high = middle
      else low = middle + 1
    }
    return low
  }
}

function categoricalPlace(categories: readonly string[]): (value: number | string | boolean) => number {
  const places = new Map(categories.map((category, i) => [category, i]))
  return value => places.get(String(value)) ?? categories.length
}

function distinctTexts(edges: readonly number[]): string[] {
  for (let digits = 4; digits < 17; digits++) {
    const texts = edges.map(edge => String(Number(edge.toPrecision(digits))))
    if (new Set(texts).size === edges.length) return texts
  }
  return edges.map(String)
}
