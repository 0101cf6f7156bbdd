import { seededRandom } from './random.ts'

/** A leaf of a tree over the unit cube: the box that it is, and what is predicted there. */
export interface Leaf {
  readonly from: Float64Array
  readonly to: Float64Array
  readonly value: number
}

/**
 * One tree of a random forest over the unit cube [Breiman 2001]: grown on a bootstrap sample, at each node the split of
 * least squares among a random five sixths of the features, until a leaf has fewer than 2 · leafMin rows.
 *
 * @param rows n rows of equal length with coordinates in [0, 1]. @param targets Length n.
 */
export function regressionTree(
  rows: readonly ArrayLike<number>[],
  targets: readonly number[],
  { seed, leafMin = 3 }: { seed: number; leafMin?: number },
): readonly Leaf[] {
  const features = rows[0]?.length ?? 0
  if (features === 0) throw new RangeError('There is nothing to split by.')
  const random = seededRandom(seed)
  const leaves: Leaf[] = []
  const open: Node[] = [
    {
      members: rows.map(() => Math.floor(random() * rows.length)),
      from: new Float64Array(features),
      to: new Float64Array(features).fill(1),
    },
  ]
  for (let node = open.pop(); node; node = open.pop()) {
    const split = node.members.length < 2 * leafMin ? undefined : bestSplit({ rows, targets, leafMin, random }, node)
    if (split) open.push(...cut(node, rows, split))
    else leaves.push({ from: node.from, to: node.to, value: meanOf(node.members, targets) })
  }
  return leaves
}

interface Node {
  readonly members: readonly number[]
  readonly from: Float64Array
  readonly to: Float64Array
}

interface Split {
  readonly feature: number
  readonly at: number
}

interface Ground {
  readonly rows: readonly ArrayLike<number>[]
  readonly targets: readonly number[]
  readonly leafMin: number
  readonly random: () => number
}

const meanOf = (members: readonly number[], targets: readonly number[]): number =>
  members.reduce((sum, member) => sum + targets[member]!, 0) / members.length

function cut({ members, from, to }: Node, rows: Ground['rows'], { feature, at }: Split): readonly Node[] {
  const [below, above] = [to.slice(), from.slice()]
  below[feature] = at
  above[feature] = at
  return [
    { members: members.filter(member => rows[member]![feature]! < at), from, to: below },
    { members: members.filter(member => rows[member]![feature]! >= at), from: above, to },
  ]
}

/** Largest gain Σ² / n left + Σ² / n right; undefined when no split gains anything. */
function bestSplit({ rows, targets, leafMin, random }: Ground, { members, from }: Node): Split | undefined {
  const all = members.reduce((sum, member) => sum + targets[member]!, 0)
  let most = (all * all) / members.length + 1e-12
  let best: Split | undefined
  for (const feature of someOf(from.length, random)) {
    const sorted = members.toSorted((a, b) => rows[a]![feature]! - rows[b]![feature]!)
    let left = 0
    for (let count = 1; count <= sorted.length - leafMin; count++) {
      left += targets[sorted[count - 1]!]!
      const [before, after] = [rows[sorted[count - 1]!]![feature]!, rows[sorted[count]!]?.[feature] ?? Number.NaN]
      if (count < leafMin || !(before < after)) continue
      const gain = (left * left) / count + (all - left) ** 2 / (sorted.length - count)
      if (gain > most) [most, best] = [gain, { feature, at: (before + after) / 2 }]
    }
  }
  return best
}

function someOf(count: number, random: () => number): readonly number[] {
  const order = Array.from({ length: count }, (_, index) => ({ index, at: random() })).toSorted((a, b) => a.at - b.at)
  return order.slice(0, Math.max(1, Math.ceil((count * 5) / 6))).map(({ index }) => index)
}

/**
 * The variance of a tree's prediction over the unit cube, and the part of it that each feature explains alone: the
 * variance of the prediction's mean over all other features [fANOVA: Hutter et al. 2014, algorithm 2].
 */
export function marginalVariances(leaves: readonly Leaf[], features: number): { total: number; main: Float64Array } {
  const volume = ({ from, to }: Leaf): number => from.reduce((product, low, index) => product * (to[index]! - low), 1)
  const mean = leaves.reduce((sum, leaf) => sum + volume(leaf) * leaf.value, 0)
  const total = leaves.reduce((sum, leaf) => sum + volume(leaf) * (leaf.value - mean) ** 2, 0)
  const main = Float64Array.from({ length: features }, (_, feature) => {
    const edges = [...new Set(leaves.flatMap(({ from, to }) => [from[feature]!, to[feature]!]))].toSorted(
      (a, b) => a - b,
    )
    return edges.slice(1).reduce((sum, to, index) => {
      const from = edges[index]!
      const here = leaves.filter(leaf => leaf.from[feature]! <= from && leaf.to[feature]! >= to)
      const level = here.reduce(
        (part, leaf) => part + (volume(leaf) / (leaf.to[feature]! - leaf.from[feature]!)) * leaf.value,
        0,
      )
      return sum + (to - from) * (level - mean) ** 2
    }, 0)
  })
  return { total, main }
}
