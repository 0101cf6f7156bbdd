/** A layered drawing of a directed acyclic graph, left to right [Sugiyama 1981]: layer, order, place. Pure. */

interface GraphNode {
  readonly id: string
}

export interface GraphEdge {
  /** Drawn from left (`from`) to right (`to`). */
  readonly from: string
  readonly to: string
}

interface LayoutOptions {
  readonly nodeWidth: number
  readonly nodeHeight: number
  readonly gapX: number
  readonly gapY: number
}

export interface Placed {
  readonly id: string
  readonly layer: number
  /** Top left corner. */
  readonly x: number
  readonly y: number
}

const sweeps = 4

/**
 * Layers by longest path, orders each layer by the mean place of its neighbours in alternating sweeps, and centres the
 * layers on one line. Edges to unknown nodes and edges that close a cycle are left out of account.
 */
export function layered(nodes: readonly GraphNode[], edges: readonly GraphEdge[], options: LayoutOptions): Placed[] {
  const layerOf = layersOf(nodes, edges)
  const layers: string[][] = []
  for (const { id } of nodes) (layers[layerOf.get(id)!] ??= []).push(id)
  for (let sweep = 0; sweep < sweeps; sweep++) orderLayers(layers, edges, sweep % 2 === 0)

  const tallest = Math.max(0, ...layers.map(layer => layer.length))
  const step = options.nodeHeight + options.gapY
  return layers.flatMap((layer, index) =>
    layer.map((id, row) => ({
      id,
      layer: index,
      x: index * (options.nodeWidth + options.gapX),
      y: row * step + ((tallest - layer.length) * step) / 2,
    })),
  )
}

/** The longest path to each node. Kahn's order; what a cycle holds back goes to layer 0. */
function layersOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Map<string, number> {
  const layer = new Map(nodes.map(({ id }) => [id, 0]))
  const waiting = new Map(nodes.map(({ id }) => [id, 0]))
  const after = new Map<string, string[]>()
  for (const { from, to } of edges) {
    if (!layer.has(from) || !layer.has(to) || from === to) continue
    waiting.set(to, waiting.get(to)! + 1)
    after.set(from, [...(after.get(from) ?? []), to])
  }
  const ready = nodes.filter(({ id }) => waiting.get(id) === 0).map(({ id }) => id)
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    for (const next of after.get(id) ?? []) {
      layer.set(next, Math.max(layer.get(next)!, layer.get(id)! + 1))
      waiting.set(next, waiting.get(next)! - 1)
      if (waiting.get(next) === 0) ready.push(next)
    }
  }
  return layer
}

/** One sweep: rightwards each layer follows the layers before it, leftwards the layers after it. */
function orderLayers(layers: string[][], edges: readonly GraphEdge[], rightwards: boolean): void {
  const row = new Map<string, number>()
  const note = (layer: readonly string[]): void =>
    layer.forEach((id, index) => row.set(id, index - (layer.length - 1) / 2))
  layers.forEach(note)
  const neighbours = new Map<string, string[]>()
  for (const { from, to } of edges) {
    const [self, other] = rightwards ? [to, from] : [from, to]
    neighbours.set(self, [...(neighbours.get(self) ?? []), other])
  }
  const mean = (id: string): number => {
    const rows = (neighbours.get(id) ?? []).map(other => row.get(other)).filter(place => place !== undefined)
    return rows.length === 0 ? row.get(id)! : rows.reduce((sum, place) => sum + place, 0) / rows.length
  }
  const indices = layers.map((_, index) => index)
  for (const index of rightwards ? indices : indices.toReversed()) {
    layers[index] = layers[index]!.toSorted((a, b) => mean(a) - mean(b))
    note(layers[index])
  }
}
