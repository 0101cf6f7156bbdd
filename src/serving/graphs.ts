import type { z } from 'zod'
import type { Projects } from '#project'
import type { GraphNode } from '#project/graph-spec.ts'
import type { GraphWire } from './wire.ts'

/** A graph of the project file, as it is asked. */
export type Graph = z.output<typeof GraphWire>

/** The graphs that a project declares, and where they are asked. */
export async function graphsOf(
  { projects, urlOf }: { projects: Pick<Projects, 'find'>; urlOf: (name: string) => string },
  project: string,
): Promise<readonly Graph[]> {
  const { graphs = {} } = (await projects.find(project))?.spec ?? {}
  return Object.entries(graphs).map(([name, { inputs, outputs, nodes }]) => ({
    name,
    url: urlOf(name),
    inputs,
    outputs,
    nodes: Object.entries(nodes).map(([node, spec]) => ({ name: node, ...described(spec) })),
  }))
}

function described(node: GraphNode): Pick<Graph['nodes'][number], 'kind' | 'asks'> {
  if ('deployment' in node) return { kind: 'deployment', asks: [node.deployment] }
  if ('code' in node) return { kind: 'code', asks: [node.code] }
  if ('sequence' in node) return { kind: 'sequence', asks: node.sequence }
  if ('ensemble' in node) return { kind: 'ensemble', asks: node.ensemble }
  return 'switch' in node
    ? { kind: 'switch', asks: node.switch.map(({ node: name }) => name) }
    : { kind: 'splitter', asks: node.splitter.map(({ node: name }) => name) }
}
