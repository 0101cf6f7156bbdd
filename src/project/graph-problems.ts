import { findCycle } from './graph.ts'
import type { GraphCondition, GraphNode, GraphSpec } from './graph-spec.ts'
import type { Path } from './path.ts'
import type { ProjectFile } from './project-file.ts'
import { declared, type Report } from './report.ts'

/** Where a request to a graph begins. */
export const rootNode = 'root'

/** What is wrong with graphs whose every field is right by itself, by node. */
export function graphProblems({ graphs = {}, deployments }: ProjectFile, report: Report): void {
  for (const [name, graph] of Object.entries(graphs)) {
    const path = ['graphs', name]
    if (Object.hasOwn(deployments, name)) report(path, name, 'a name that no deployment has: both are asked by it')
    for (const [node, spec] of Object.entries(graph.nodes))
      nodeProblems({ graph, deployments }, spec, [...path, 'nodes', node], report)
    shapeProblems(graph, [...path, 'nodes'], report)
  }
}

/** The nodes that a node hands rows to, with the place where it names them. */
export function nextNodes(node: GraphNode): readonly { readonly name: string; readonly path: Path }[] {
  if ('sequence' in node) return node.sequence.map((name, at) => ({ name, path: ['sequence', at] }))
  if ('ensemble' in node) return node.ensemble.map((name, at) => ({ name, path: ['ensemble', at] }))
  if ('switch' in node) return node.switch.map(({ node: name }, at) => ({ name, path: ['switch', at, 'node'] }))
  if ('splitter' in node) return node.splitter.map(({ node: name }, at) => ({ name, path: ['splitter', at, 'node'] }))
  return []
}

interface Surroundings {
  readonly graph: GraphSpec
  readonly deployments: ProjectFile['deployments']
}

function nodeProblems({ graph, deployments }: Surroundings, node: GraphNode, path: Path, report: Report): void {
  for (const { name, path: inner } of nextNodes(node)) declared(graph.nodes, name, [...path, ...inner], report)
  if ('deployment' in node) declared(deployments, node.deployment, [...path, 'deployment'], report)
  if ('ensemble' in node && new Set(node.ensemble).size < node.ensemble.length)
    report([...path, 'ensemble'], node.ensemble, 'each node once')
  if ('splitter' in node) {
    const sum = node.splitter.reduce((total, { weight }) => total + weight, 0)
    if (Math.abs(sum - 100) > 1e-9) report([...path, 'splitter'], sum, 'weights that add up to 100')
    if (node.by !== undefined) declared(graph.inputs, node.by, [...path, 'by'], report)
  }
  if ('switch' in node) switchProblems(graph, node.switch, [...path, 'switch'], report)
}

function switchProblems(
  { inputs }: GraphSpec,
  branches: readonly { readonly when?: GraphCondition | undefined }[],
  path: Path,
  report: Report,
): void {
  for (const [at, { when }] of branches.entries()) {
    const isLast = at === branches.length - 1
    if (isLast && when) report([...path, at, 'when'], when, 'nothing: what no other node takes goes to the last')
    if (!isLast && !when) report([...path, at, 'when'], undefined, 'a condition: all rows would go here')
    if (when && declared(inputs, when.input, [...path, at, 'when', 'input'], report))
      conditionProblems(inputs[when.input]!, when, [...path, at, 'when'], report)
  }
}

/** A condition that no value of the input's type could fulfil. */
function conditionProblems(
  datatype: string,
  { input: _, ...comparisons }: GraphCondition,
  path: Path,
  report: Report,
): void {
  const wanted = datatype === 'BYTES' ? 'string' : datatype === 'BOOL' ? 'boolean' : 'number'
  for (const [name, value] of Object.entries(comparisons)) {
    const odd = [value].flat().find(each => typeof each !== wanted)
    if (odd !== undefined) report([...path, name], odd, `a ${wanted}, as the input is ${datatype}`)
  }
}

function shapeProblems({ nodes }: GraphSpec, path: Path, report: Report): void {
  const next = Object.fromEntries(
    Object.entries(nodes).map(([name, node]) => [name, nextNodes(node).map(each => each.name)]),
  )
  if (!declared(nodes, rootNode, path, report)) return
  const cycle = findCycle(next)
  if (cycle) report([...path, cycle[0]!], cycle.join(' → '), 'no way back to a node')
  const reached = new Set([rootNode])
  for (const name of reached) for (const other of next[name] ?? []) reached.add(other)
  for (const name of Object.keys(nodes))
    if (!reached.has(name)) report([...path, name], name, `a node that ${rootNode} leads to`)
}
