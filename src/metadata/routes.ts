import { z } from 'zod'
import type { App } from '#http'
import type { Ledger } from './ledger.ts'
import type { Lineage } from './node.ts'
import { nodesMaxDefault } from './walk.ts'
import { LineageWire } from './wire.ts'

const tags = ['metadata']
const Id = z.object({ id: z.string().max(200) })

export function metadataRoutes(app: App, ledger: Ledger): void {
  app.get(
    '/api/v1/lineage/:id',
    {
      schema: {
        summary: 'What a thing was made from, and what was made from it',
        tags,
        params: Id,
        querystring: z.object({
          direction: z.enum(['up', 'down', 'both']).default('both'),
          depth: z.int().min(1).max(10_000).optional(),
          /** In each direction. */
          nodes: z.int().min(1).max(10_000).default(nodesMaxDefault),
        }),
        response: { 200: LineageWire },
      },
    },
    async ({ params: { id }, query: { direction, depth, nodes: nodesMax }, readable }) => {
      const limits = { nodesMax, ...(depth !== undefined && { depthMax: depth }) }
      const walk = { up: ledger.ancestors, down: ledger.descendants, both: ledger.around }[direction]
      return readableOf(await walk(id, limits), readable)
    },
  )
}

/** Edges lead into other projects; who has no role there does not see what is at their ends. */
function readableOf(lineage: Lineage, readable: 'all' | readonly string[]): Lineage {
  if (readable === 'all') return lineage
  const nodes = lineage.nodes.filter(({ project }) => readable.includes(project))
  const ids = new Set(nodes.map(({ id }) => id))
  return { ...lineage, nodes, edges: lineage.edges.filter(({ from, to }) => ids.has(from) && ids.has(to)) }
}
