import { pickRevision, saltedUnit } from '../traffic.ts'
import {
  readJsonFile,
  RoutesFile,
  routesFile,
  type DeploymentRoute,
  type RouteLimits,
  type RouteLog,
  type RouteSticky,
  type ServerStatus,
} from '../routes-file.ts'
import type { LoadParts } from './model.ts'
import type { LoadedModel } from './loaded-model.ts'
import { createModelShelf, type ModelShelf } from './model-shelf.ts'
import { RequestError } from './request-error.ts'
import { openSwitchedOff } from './switched-off.ts'

/** A revision that can answer. */
export interface LiveRevision {
  readonly id: string
  readonly number: number
  /** Id of the model version. */
  readonly version: string
  readonly weight: number
  /** Percent of the requests of which it gets a copy. */
  readonly shadow: number
  readonly model: LoadedModel
}

export interface LiveDeployment {
  readonly name: string
  readonly project: string
  readonly limits: RouteLimits
  readonly sticky?: RouteSticky | undefined
  readonly log: RouteLog
  /** It asks other deployments, which write down what they answer; of itself nothing is. */
  readonly isGraph: boolean
  readonly revisions: readonly LiveRevision[]
  /** Those that answer here no more. */
  readonly former: DeploymentRoute['former']
  /** One of them gets copies of requests. */
  readonly isShadowed: boolean
  /** Somebody has unloaded it: it has no revisions until it is loaded, or gets another route. */
  readonly isUnloaded: boolean
}

/** A revision that a route names, whether it can answer or not. */
export interface ListedRevision {
  readonly number: number
  /** Why it cannot answer; empty when it can. */
  readonly problem: string
}

export interface RevisionChoice {
  /** Id or number of the revision that the client insists on. */
  readonly named: string | undefined
  readonly predictionId: string
  /** Who asks, or who is asked about: whose requests all meet the same revision. */
  readonly unit?: string | undefined
}

/** Which models are loaded, and which of them answers what. */
export interface RouteTable {
  deployment(name: string): LiveDeployment | undefined
  deployments(): readonly LiveDeployment[]
  /**
   * The revision for a prediction: the one that is named, by id or number, or else the one whose share of the traffic
   * the unit, or without one the prediction's id, falls into. Throws `RequestError`.
   */
  revision(deployment: LiveDeployment, choice: RevisionChoice): LiveRevision
  /** All revisions of a deployment, also those that are not loaded. */
  listed(deployment: LiveDeployment): readonly ListedRevision[]
  /** Loads what was unloaded, and what could not be loaded before. Throws `RequestError` when a model cannot be loaded. */
  load(deployment: LiveDeployment): Promise<void>
  /** The deployment answers no more, and its models leave the memory. Requests under way are answered. */
  unload(deployment: LiveDeployment): Promise<void>
  /** Reads the routes again. Requests under way keep the model they have begun with. */
  reload(): Promise<void>
  isReady(): boolean
  status(): Pick<ServerStatus, 'version' | 'bundles'>
}

export function createRouteTable(folder: string, parts: LoadParts): RouteTable {
  const shelf = createModelShelf(folder, parts)
  const off = openSwitchedOff(folder)
  let routes: RoutesFile = { version: -1, deployments: [], preload: [] }
  let deployments = new Map<string, LiveDeployment>()
  let changing = Promise.resolve()

  async function read(): Promise<void> {
    const isNews = await off.read()
    const next = (await readJsonFile(routesFile(folder), RoutesFile)) ?? routes
    if (next.version !== routes.version || isNews) await apply(next)
  }

  async function apply(next: RoutesFile): Promise<void> {
    const wanted = new Set([
      ...next.deployments.flatMap(route => (off.has(route) ? [] : route.revisions.map(({ bundle }) => bundle))),
      ...next.preload,
    ])
    await shelf.load(wanted)
    deployments = new Map(next.deployments.map(route => [route.name, live(route, off.has(route), shelf)]))
    routes = next
    shelf.keep(wanted)
  }

  const routeOf = ({ name }: LiveDeployment): DeploymentRoute => {
    const route = routes.deployments.find(each => each.name === name)
    if (route) return route
    throw new RequestError('not_found', `There is no deployment ${JSON.stringify(name)}.`)
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = changing.then(work)
    changing = done.catch(() => {})
    return done
  }

  const listed: RouteTable['listed'] = deployment =>
    routeOf(deployment).revisions.map(({ number, bundle }) => {
      if (deployment.isUnloaded) return { number, problem: 'unloaded' }
      return { number, problem: shelf.get(bundle) ? '' : (shelf.problem(bundle) ?? 'it is not there') }
    })

  return {
    deployment: name => deployments.get(name),
    deployments: () => [...deployments.values()],
    revision: chooseRevision,
    listed,
    load: deployment =>
      inTurn(async () => {
        await off.set(routeOf(deployment), false)
        await apply(routes)
        const bad = listed(deployments.get(deployment.name)!).find(({ problem }) => problem !== '')
        if (!bad) return
        throw new RequestError(
          'conflict',
          `Revision ${bad.number} of ${deployment.name} cannot be loaded: ${bad.problem}`,
        )
      }),
    unload: deployment =>
      inTurn(async () => {
        await off.set(routeOf(deployment), true)
        await apply(routes)
      }),
    reload: () => inTurn(read),
    isReady: () =>
      routes.version >= 0 &&
      [...deployments.values()].every(
        ({ revisions, isUnloaded }) => isUnloaded || revisions.some(({ weight }) => weight > 0),
      ),
    status: () => ({ version: routes.version, bundles: shelf.states() }),
  }
}

/** A deployment with those of its revisions whose model is loaded. */
function live(
  { revisions: routed, ...declared }: DeploymentRoute,
  isUnloaded: boolean,
  shelf: Pick<ModelShelf, 'get'>,
): LiveDeployment {
  const revisions = routed.flatMap(({ bundle, ...revision }) => {
    const model = isUnloaded ? undefined : shelf.get(bundle)
    return model ? [{ ...revision, model }] : []
  })
  return {
    ...declared,
    revisions,
    isShadowed: revisions.some(({ shadow }) => shadow > 0),
    isUnloaded,
  }
}

function chooseRevision(
  { name, revisions, isUnloaded }: LiveDeployment,
  { named, predictionId, unit }: RevisionChoice,
): LiveRevision {
  if (isUnloaded)
    throw new RequestError('unavailable', `Deployment ${name} is unloaded: POST /v2/repository/models/${name}/load.`)
  if (named === undefined) {
    const chosen = pickRevision(revisions, unit === undefined ? predictionId : saltedUnit(revisions, unit))
    if (chosen) return chosen
    throw new RequestError('unavailable', `Deployment ${name} has no revision that can answer.`)
  }
  const chosen = named.startsWith('@')
    ? labelled(revisions, named.slice(1))
    : revisions.find(({ id, number }) => id === named || String(number) === named)
  if (chosen) return chosen
  const known = [
    ...revisions.map(({ number }) => number),
    ...revisionLabels.filter(label => labelled(revisions, label)).map(label => `@${label}`),
  ].join(', ')
  throw new RequestError('not_found', `Deployment ${name} has no revision ${JSON.stringify(named)}; it has ${known}.`)
}

/** `live` (or `stable`, as TensorFlow Serving has it) takes most of the requests, `canary` some, `shadow` copies. */
const revisionLabels = ['live', 'stable', 'canary', 'shadow']

function labelled(revisions: readonly LiveRevision[], label: string): LiveRevision | undefined {
  const [live, canary] = revisions.filter(({ weight }) => weight > 0).toSorted((a, b) => b.weight - a.weight)
  if (label === 'shadow') return revisions.find(({ shadow }) => shadow > 0)
  if (label === 'canary') return canary
  return label === 'live' || label === 'stable' ? live : undefined
}

/** Whether the named revision can answer, or any with traffic. */
export const isModelReady = ({ revisions }: LiveDeployment, version: string | undefined): boolean =>
  (version?.startsWith('@') && labelled(revisions, version.slice(1)) !== undefined) ||
  revisions.some(({ number, weight }) => (version === undefined ? weight > 0 : String(number) === version))

/** The revision that is described: the one that is named, else the one with most of the traffic. Throws `RequestError`. */
export function pictured(
  table: Pick<RouteTable, 'revision'>,
  deployment: LiveDeployment,
  version: string | undefined,
): LiveRevision {
  const heaviest = deployment.revisions.toSorted((a, b) => b.weight - a.weight)[0]?.id
  return table.revision(deployment, { named: version ?? heaviest, predictionId: '' })
}
