import type { Reach } from '#access'
import type { Composition } from './composition.ts'

/** The project of what an id or name in the address stands for. Undefined, or `not_found`: of nothing. */
type ProjectOf = (key: string) => Promise<string | undefined>

type Parts = Pick<Composition, 'ledger' | 'serving' | 'workflow'>

/**
 * Whose the routes are that have no `:project` in their path, by address: one page for all components, read by the guard
 * when a route is made. A route that is not here and does not say it itself cannot be made.
 */
export function reachOfRoutes({ ledger, serving, workflow }: Parts): (url: string) => Reach | undefined {
  const inLedger: ProjectOf = async id => (await ledger.node(id))?.project
  /** By what stands between `/api/v1/` and the parameter. */
  const collections: Readonly<Record<string, ProjectOf>> = {
    'dataset-versions': inLedger,
    deployments: serving.projectOf,
    incidents: inLedger,
    // What is of other projects in the answer is left out by its handler.
    lineage: inLedger,
    'model-versions': inLedger,
    predictions: inLedger,
    runs: async id => (await workflow.run(id)).project,
    tasks: async id => (await workflow.runOfTask(id)).project,
    'training-sets': inLedger,
    windows: inLedger,
  }
  return url => {
    const fixed = addresses[url]
    if (fixed) return fixed
    const [, collection = '', parameter = ''] = /^\/api\/v1\/([a-z-]+)\/:(\w+)(?:\/|$)/.exec(url) ?? []
    const projectOf = Object.hasOwn(collections, collection) ? collections[collection] : undefined
    return projectOf && (({ params }) => projectOf((params as Record<string, string>)[parameter]!))
  }
}

const addresses: Readonly<Record<string, Reach>> = {
  // Lists over projects: their handlers leave out what is not readable.
  '/api/v1/projects': 'caller',
  '/api/v1/loop': 'caller',
  '/api/v1/events': 'caller',
  '/api/v1/events/stream': 'caller',
  // Bytes are of what names them, and of who sent them: see project/blob-routes.ts.
  '/api/v1/blobs/missing': 'caller',
  '/api/v1/blobs/:digest': 'caller',
  '/api/v1/serving/stop': 'platform',
  // The same for everyone.
  '/openapi.json': 'caller',
  '/errors/:code': 'caller',
  '/assets/*': 'caller',
  '/theme.js': 'caller',
  '/favicon.svg': 'caller',
  '/*': 'caller',
}
