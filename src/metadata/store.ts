import type { Digest } from '#kernel/digest.ts'
import type { AnyTx } from '#storage'
import type { Edge, Node } from './node.ts'

/** Which way to walk: upstream to what something was made from, downstream to what was made from it. */
export type Direction = 'upstream' | 'downstream'

/** What a walk has come to: nodes nearest first, edges in no order. Without `isAll` there is more than the limit, and edges may be missing too. */
export interface Reached {
  readonly nodes: readonly Node[]
  readonly edges: readonly Edge[]
  readonly isAll: boolean
}

/** What is written together; either end of an edge may be written later. */
export interface StoredEntries {
  /** A repeat keeps kind, label and time, and merges the facts. */
  readonly nodes: readonly Node[]
  /** A repeat changes nothing. */
  readonly edges: readonly Edge[]
  /** Written are those whose downstream end has none of the same relation already; of several the first. */
  readonly firstEdges: readonly Edge[]
}

/** Where the ledger is kept. Writes take the caller's transaction, so that a fact and its lineage are never apart. */
export interface LedgerStore {
  put(tx: AnyTx, entries: StoredEntries): Promise<void>
  findNode(id: string): Promise<Node | undefined>
  /** The projects of the nodes that are these bytes. */
  projectsOf(digest: Digest): Promise<readonly string[]>
  /**
   * All that the starts lead to in each direction, in one statement: at most the nearest `nodesMax` nodes a direction, the
   * starts included, and the edges on the way. Ids without a node are walked through.
   */
  walk(
    starts: Readonly<Partial<Record<Direction, readonly string[]>>>,
    nodesMax: number,
  ): Promise<Readonly<Partial<Record<Direction, Reached>>>>
}

/** What the intake of OpenLineage events needs beyond the ledger. */
export interface OpenLineageStore {
  /** Notes that an event was taken; false when it had been. */
  insertEvent(tx: AnyTx, key: string, at: number): Promise<boolean>
  /** Nodes by their id, or by the digest of their bytes (of several the newest), under what was asked. */
  findReferences(keys: readonly string[]): Promise<ReadonlyMap<string, { id: string; project: string }>>
}
