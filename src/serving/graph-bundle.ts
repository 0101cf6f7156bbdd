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
  const routes = new Map<string, DeploymentRoute>()
  for (const project of projects) {
    const revision = await parts.projects.find(project)
    for (const [name, graph] of Object.entries(revision?.spec.graphs ?? {})) {
      if (taken.has(name) || routes.has(name)) {
        parts.warn(
          { project, graph: name },
          'a graph has the name of a deployment or graph of another project and is not asked',
        )
        continue
      }
      const bundle = await packGraph(parts.blobs, {
        project,
        name,
        graph,
        number: revision!.number,
        code: revision!.code,
      }).catch(
        (error: unknown) =>
          void parts.warn({ project, graph: name, reason: messageOf(error) }, 'a graph cannot be bundled'),
      )
      if (bundle !== undefined) routes.set(name, routeOf({ project, name, number: revision!.number, bundle }))
    }
  }
  return [...routes.values()]
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
