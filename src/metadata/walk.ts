import type { Edge, Lineage, Node } from './node.ts'
import type { Direction, Reached } from './store.ts'

export interface Limits {
  /** Steps away from the root; no limit when left out. */
  readonly depthMax?: number
  /** Nodes in each direction, the root included; 2,000 when left out. */
  readonly nodesMax?: number
}

export const nodesMaxDefault = 2_000

/** A root that has been looked up, what it leads to by itself, and what the store has reached from there. */
interface Walked {
  readonly root: Node
  /** Edges of a root without a row. */
  readonly own: readonly Edge[]
  readonly reached: Readonly<Partial<Record<Direction, Reached>>>
  readonly limits: Limits
}

/**
 * The part of the graph around its root: breadth first along the edges of each direction, so that what the limits cut
 * off is what is farthest, and nothing is shown that no edge leads to.
 */
export function lineageOf({ root, own, reached, limits }: Walked): Lineage {
  const parts = (['upstream', 'downstream'] as const).flatMap(direction => {
    const found = reached[direction]
    return found
      ? [
          near(
            { root, direction, found, edges: direction === 'upstream' ? [...own, ...found.edges] : found.edges },
            limits,
          ),
        ]
      : []
  })
  const nodes = new Map([[root.id, root]])
  for (const part of parts) for (const node of part.nodes) nodes.set(node.id, node)
  return {
    root: root.id,
    nodes: [...nodes.values()],
    edges: unique(parts.map(part => part.edges.filter(edge => nodes.has(edge.from) && nodes.has(edge.to)))),
    truncated: parts.some(part => part.truncated),
  }
}

/** Both directions pass the same edge only where there is a circle: among edges whose ends both have come to. */
function unique([first = [], second = []]: readonly Edge[][]): Edge[] {
  if (second.length === 0) return first
  const ends = new Set(first.flatMap(({ from, to }) => [from, to]))
  const known = new Set<string>()
  const keyOf = ({ from, to, relation }: Edge): string => `${from} ${to} ${relation}`
  const isShared = ({ from, to }: Edge): boolean => ends.has(from) && ends.has(to)
  if (second.some(isShared)) for (const edge of first) known.add(keyOf(edge))
  return [...first, ...second.filter(edge => !isShared(edge) || !known.has(keyOf(edge)))]
}

interface Side {
  readonly root: Node
  readonly direction: Direction
  readonly found: Reached
  readonly edges: readonly Edge[]
}

function near(
  { root, direction, found, edges }: Side,
  { depthMax = Infinity, nodesMax = nodesMaxDefault }: Limits,
): { nodes: readonly Node[]; edges: readonly Edge[]; truncated: boolean } {
  if (found.isAll && depthMax === Infinity) return { nodes: found.nodes, edges, truncated: false }
  const [near, far] = direction === 'upstream' ? (['from', 'to'] as const) : (['to', 'from'] as const)
  const leading = Map.groupBy(edges, edge => edge[near])
  const seen = new Set([root.id])
  let truncated = !found.isAll
  const passed: Edge[] = []
  let frontier = [root.id]
  for (let depth = 0; frontier.length > 0; depth++) {
    const next = frontier.flatMap(id => leading.get(id) ?? [])
    for (const edge of next) passed.push(edge)
    frontier = []
    for (const { [far]: id } of next) {
      if (seen.has(id)) continue
      if (depth >= depthMax || seen.size >= nodesMax) {
        truncated = true
        break
      }
      seen.add(id)
      frontier.push(id)
    }
  }
  return {
    nodes: found.nodes.filter(node => seen.has(node.id)),
    edges: passed.filter(edge => seen.has(edge.from) && seen.has(edge.to)),
    truncated,
  }
}
