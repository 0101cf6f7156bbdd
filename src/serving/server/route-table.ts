import { pickRevision } from '../traffic.ts'
import {
  bundleFolder,
  readJsonFile,
  RoutesFile,
  routesFile,
  type DeploymentRoute,
  type ServerStatus,
} from '../routes-file.ts'
import { loadModel, type LoadedModel } from './model.ts'
import { RequestError } from './request-error.ts'

/** A revision that can answer. */
export interface LiveRevision {
  readonly id: string
  readonly number: number
  /** Id of the model version. */
  readonly version: string
  readonly weight: number
  readonly model: LoadedModel
}

export interface LiveDeployment {
  readonly name: string
  readonly project: string
  readonly revisions: readonly LiveRevision[]
}

export interface RevisionChoice {
  /** Id or number of the revision that the client insists on. */
  readonly named: string | undefined
  readonly predictionId: string
}

/** Which models are loaded, and which of them answers what. */
export interface RouteTable {
  deployment(name: string): LiveDeployment | undefined
  deployments(): readonly LiveDeployment[]
  /**
   * The revision for a prediction: the one that is named, by id or number, or else the one whose share of the traffic
   * the prediction's id falls into. Throws `RequestError`.
   */
  revision(deployment: LiveDeployment, choice: RevisionChoice): LiveRevision
  /** Reads the routes again. Requests under way keep the model they have begun with. */
  reload(): Promise<void>
  isReady(): boolean
  status(): Pick<ServerStatus, 'version' | 'bundles'>
}

/** How long a model that no route names any more is kept for requests that still hold it. */
const releaseMs = 30_000

export function createRouteTable(folder: string): RouteTable {
  const models = new Map<string, LoadedModel>()
  const problems = new Map<string, string>()
  let deployments = new Map<string, LiveDeployment>()
  let version = -1
  let reloading = Promise.resolve()

  async function load(bundle: string): Promise<void> {
    if (models.has(bundle)) return
    try {
      models.set(bundle, await loadModel(bundleFolder(folder, bundle)))
      problems.delete(bundle)
    } catch (error) {
      problems.set(bundle, error instanceof Error ? error.message : String(error))
    }
  }

  function forget(wanted: ReadonlySet<string>): void {
    for (const bundle of problems.keys()) if (!wanted.has(bundle)) problems.delete(bundle)
    for (const [bundle, model] of models) {
      if (wanted.has(bundle)) continue
      models.delete(bundle)
      setTimeout(() => void model.release().catch(() => {}), releaseMs).unref()
    }
  }

  async function read(): Promise<void> {
    const routes = await readJsonFile(routesFile(folder), RoutesFile)
    if (!routes || routes.version === version) return
    const wanted = new Set([
      ...routes.deployments.flatMap(({ revisions }) => revisions.map(({ bundle }) => bundle)),
      ...routes.preload,
    ])
    for (const bundle of wanted) await load(bundle)
    deployments = new Map(routes.deployments.map(route => [route.name, live(route, models)]))
    version = routes.version
    forget(wanted)
  }

  return {
    deployment: name => deployments.get(name),
    deployments: () => [...deployments.values()],
    revision: chooseRevision,
    reload() {
      reloading = reloading.then(read)
      return reloading
    },
    isReady: () =>
      version >= 0 && [...deployments.values()].every(({ revisions }) => revisions.some(({ weight }) => weight > 0)),
    status: () => ({
      version,
      bundles: Object.fromEntries([...[...models.keys()].map(bundle => [bundle, 'ready'] as const), ...problems]),
    }),
  }
}

/** A deployment with those of its revisions whose model is loaded. */
function live(route: DeploymentRoute, models: ReadonlyMap<string, LoadedModel>): LiveDeployment {
  const revisions = route.revisions.flatMap(({ bundle, ...revision }) => {
    const model = models.get(bundle)
    return model ? [{ ...revision, model }] : []
  })
  return { name: route.name, project: route.project, revisions }
}

function chooseRevision({ name, revisions }: LiveDeployment, { named, predictionId }: RevisionChoice): LiveRevision {
  if (named === undefined) {
    const chosen = pickRevision(revisions, predictionId)
    if (chosen) return chosen
    throw new RequestError(503, `Deployment ${name} has no revision that can answer.`)
  }
  const chosen = revisions.find(({ id, number }) => id === named || String(number) === named)
  if (chosen) return chosen
  const known = revisions.map(({ number }) => number).join(', ')
  throw new RequestError(404, `Deployment ${name} has no revision ${JSON.stringify(named)}; it has ${known}.`)
}
