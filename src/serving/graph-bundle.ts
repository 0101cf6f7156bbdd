import { posix } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import { messageOf } from '#kernel/error.ts'
import type { Projects } from '#project'
import type { GraphSpec } from '#project/graph-spec.ts'
import { readTree, type Blobs, type Tree } from '#storage'
import { filesBeside, packBundle } from './bundle.ts'
import { wholeLog, type DeploymentRoute } from './routes-file.ts'

/** Graphs are answered as deployments are, from a bundle that is made of the project's present file whenever routes are written. */

interface Parts {
  readonly blobs: Blobs
  readonly projects: Pick<Projects, 'find'>
  readonly warn: (facts: object, message: string) => void
}

/** The routes of the graphs of some projects. A graph whose name is a deployment's, of whatever project, has none. */
export async function graphRoutes(
  parts: Parts,
  projects: readonly string[],
  taken: ReadonlySet<string>,
): Promise<readonly DeploymentRoute[]> {
  const names = new Set(taken)
  const routes: DeploymentRoute[] = []
  for (const project of projects) {
    const revision = await parts.projects.find(project)
    for (const [name, graph] of Object.entries(revision?.spec.graphs ?? {})) {
      const { number, code } = revision!
      const route = await routed(parts, names, { project, name, graph, number, code })
      if (route) routes.push(route)
      names.add(name)
    }
  }
  return routes
}

/** Undefined, and said, of what cannot be asked: one graph may not keep the others from their routes. */
async function routed(
  parts: Parts,
  taken: ReadonlySet<string>,
  packing: Packing,
): Promise<DeploymentRoute | undefined> {
  const { project, name, number } = packing
  try {
    if (taken.has(name)) throw new Error('It has the name of a deployment or graph elsewhere.')
    return routeOf({ project, name, number, bundle: await packGraph(parts.blobs, packing) })
  } catch (error) {
    parts.warn({ project, graph: name, reason: messageOf(error) }, 'a graph is not asked')
    return undefined
  }
}

/** One revision, with the number of the project's, which answers every request; its deployments have the log. */
const routeOf = ({
  project,
  name,
  number,
  bundle,
}: {
  project: string
  name: string
  number: number
  bundle: Digest
}): DeploymentRoute => ({
  name,
  project,
  limits: {},
  log: wholeLog,
  isGraph: true,
  revisions: [{ id: `graph_${bundle.slice(0, 16)}`, number, version: '', bundle, weight: 100, shadow: 0 }],
  former: [],
})

interface Packing {
  readonly project: string
  readonly name: string
  readonly graph: GraphSpec
  readonly number: number
  readonly code: Digest | undefined
}

async function packGraph(blobs: Blobs, { project, name, graph, number, code }: Packing): Promise<Digest> {
  const modules = Object.values(graph.nodes).flatMap(node => ('code' in node ? [posix.normalize(node.code)] : []))
  const tree: Tree = code === undefined || modules.length === 0 ? {} : await readTree(blobs, code)
  const tensors = (columns: Readonly<Record<string, string>>) =>
    Object.entries(columns).map(([column, datatype]) => ({ name: column, datatype, shape: [-1, 1] }))
  return packBundle(blobs, {
    manifest: {
      project,
      model: name,
      version: '',
      number,
      signature: { inputs: tensors(graph.inputs), outputs: tensors(graph.outputs) },
      service: null,
      runtime: { kind: 'graph', nodes: graph.nodes },
      golden: [],
    },
    model: Object.assign({}, ...modules.map(module => filesBeside(tree, module))) as Tree,
  })
}
