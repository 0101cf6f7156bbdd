import type { z } from 'zod'
import type { EdgeWire, LineageWire, nodeKinds, NodeWire } from './wire.ts'

/** A thing that the platform made or was given: data, rules, runs, versions, predictions, incidents. */
export type Node = z.output<typeof NodeWire>
export type NodeKind = (typeof nodeKinds)[number]

/** `from` was made from, or because of, `to`. */
export type Edge = z.output<typeof EdgeWire>

/** A part of the graph around its root. `truncated` when the limits cut it off. */
export type Lineage = z.output<typeof LineageWire>
