import type { Lineage } from './wire.ts'

/** Kinds that are work or bytes rather than results: hidden until asked for, for they are most of the nodes. */
const details = new Set(['task', 'artifact', 'rules', 'raw_data'])

/** Leaves details out and joins what they connected, so that nothing falls apart. */
export function withoutDetails(lineage: Lineage): Lineage {
  const hidden = new Set(
    lineage.nodes.filter(({ id, kind }) => details.has(kind) && id !== lineage.root).map(({ id }) => id),
  )
  const upstream = new Map<string, Lineage['edges']>()
  for (const edge of lineage.edges) upstream.set(edge.from, [...(upstream.get(edge.from) ?? []), edge])
  const reach = (id: string, seen: Set<string>): string[] => {
    if (!hidden.has(id)) return [id]
    if (seen.has(id)) return []
    seen.add(id)
    return (upstream.get(id) ?? []).flatMap(edge => reach(edge.to, seen))
  }
  const edges = lineage.edges
    .filter(({ from }) => !hidden.has(from))
    .flatMap(edge => reach(edge.to, new Set()).map(to => ({ ...edge, to })))
  const unique = new Map(edges.filter(({ from, to }) => from !== to).map(edge => [`${edge.from} ${edge.to}`, edge]))
  return { ...lineage, nodes: lineage.nodes.filter(({ id }) => !hidden.has(id)), edges: [...unique.values()] }
}
