import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { notFound } from '#kernel/error.ts'
import type { Json } from '#kernel/json.ts'
import type { AnyTx } from '#storage'
import type { Edge, Lineage, Node, NodeKind } from './node.ts'
import type { Direction, LedgerStore } from './store.ts'
import { lineageOf, nodesMaxDefault, type Limits } from './walk.ts'

/**
 * The paper's ML metadata store (C7). The platform writes it while it works, never the user: what was made, from what,
 * by which run, with which parameters and results. Lineage is a walk along its edges.
 */
export interface Ledger {
  /** Writes a node in the caller's transaction. A repeat merges the facts and changes nothing else. */
  record(tx: AnyTx, node: NewNode): Promise<void>
  /** Says that `from` was made from, or because of, `to`. Repeats are harmless; either end may be written later. */
  link(tx: AnyTx, edge: Edge): Promise<void>
  /** The same, unless `from` has an edge of this relation already: who finds what is there has not made it. */
  linkFirst(tx: AnyTx, edge: Edge): Promise<void>
  /** All three for many at once, which costs little more than for one. */
  recordAll(tx: AnyTx, entries: Partial<Entries>): Promise<void>
  /** Answers nodes that have no row, because there are millions of them: predictions. One resolver for each id prefix. */
  provide(prefix: string, resolve: Resolver): void
  node(id: string): Promise<Node | undefined>
  /** The projects that bytes are known in. */
  projectsOf(digest: Digest): Promise<readonly string[]>
  /** All that a thing was made from, the thing included. Throws `not_found` for an id that nobody knows. */
  ancestors(id: string, limits?: Limits): Promise<Lineage>
  /** All that was made from a thing, the thing included. Throws `not_found`. */
  descendants(id: string, limits?: Limits): Promise<Lineage>
  /** Both, in one question. Throws `not_found`. */
  around(id: string, limits?: Limits): Promise<Lineage>
}

export interface NewNode {
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  readonly project: string
  readonly facts?: Readonly<Record<string, Json>>
}

/** What is to be written together. */
export interface Entries {
  readonly nodes: readonly NewNode[]
  readonly edges: readonly Edge[]
  /** See {@link Ledger.linkFirst}; of several the first counts. */
  readonly firstEdges: readonly Edge[]
}

/** A node without a row, and where its edges lead upstream. */
export type Resolver = (id: string) => Promise<{ node: Node; edges: readonly Edge[] } | undefined>

export function createLedger({ store, clock }: { store: LedgerStore; clock: Clock }): Ledger {
  const resolvers = new Map<string, Resolver>()
  const dated = ({ facts = {}, ...node }: NewNode): Node => ({ ...node, at: clock.now(), facts })
  const resolve: Resolver = async id => resolvers.get(id.slice(0, id.indexOf('_')))?.(id)

  async function lineage(id: string, directions: readonly Direction[], limits: Limits = {}): Promise<Lineage> {
    const root = (await resolve(id)) ?? { node: await store.findNode(id), edges: [] }
    if (!root.node) throw notFound('node of the lineage', id)
    const starts = { upstream: [id, ...root.edges.map(edge => edge.to)], downstream: [id] }
    const wanted = directions.map(direction => [direction, starts[direction]] as const)
    const reached = await store.walk(Object.fromEntries(wanted), limits.nodesMax ?? nodesMaxDefault)
    return lineageOf({ root: root.node, own: root.edges, reached, limits })
  }

  const put: Ledger['recordAll'] = (tx, { nodes = [], edges = [], firstEdges = [] }) =>
    store.put(tx, { nodes: nodes.map(dated), edges, firstEdges })

  return {
    record: (tx, node) => put(tx, { nodes: [node] }),
    link: (tx, edge) => put(tx, { edges: [edge] }),
    linkFirst: (tx, edge) => put(tx, { firstEdges: [edge] }),
    recordAll: put,
    provide: (prefix, resolver) => void resolvers.set(prefix, resolver),
    node: async id => (await resolve(id))?.node ?? store.findNode(id),
    projectsOf: digest => store.projectsOf(digest),
    ancestors: (id, limits) => lineage(id, ['upstream'], limits),
    descendants: (id, limits) => lineage(id, ['downstream'], limits),
    around: (id, limits) => lineage(id, ['upstream', 'downstream'], limits),
  }
}
