import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { conflict, notFound } from '#kernel/error.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { newId } from '#kernel/id.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { Ledger } from '#metadata'
import type { Projects } from '#project'
import type { ModelVersion } from '#registry'
import type { AnyTx, Db, Outbox } from '#storage'
import { checkOut, linkPython, type CheckoutParts } from './bundle-folder.ts'
import {
  deployed as deployedShares,
  divided,
  promoted,
  rolledBack,
  routable,
  shadowed,
  weightsOf,
  type RevisionState,
  type Share,
} from './deployment.ts'
import { declaredOf } from './declared.ts'
import { deployed, trafficChanged } from './events.ts'
import { graphRoutes } from './graph-bundle.ts'
import type { RoutesFile } from './routes-file.ts'
import type { DeploymentRow, RevisionRow, ServingStore } from './store.ts'
import type { Supervisor } from './supervisor.ts'

export interface DeployRequest {
  readonly project: string
  readonly deployment: string
  readonly model: string
  readonly version: Pick<ModelVersion, 'id' | 'version'>
  readonly bundle: Digest
  /** Percent of requests. The first revision of a deployment gets all of them. */
  readonly weight: number
  /** Percent of requests of which it gets a copy instead; the first revision of a deployment still gets all. */
  readonly shadow?: number
  readonly actor: string
  readonly reason: string
  /** The same key answers the same revision. */
  readonly key?: string
}

/** Who changes something, and why. */
export interface Because {
  readonly actor: string
  readonly reason: string
}

/** Everything that changes where requests go: state, event and ledger in one transaction, then the model server. */
export interface TrafficControl {
  deploy(request: DeployRequest): Promise<RevisionRow>
  setTraffic(deployment: string, change: Because & { weights: Readonly<Record<string, number>> }): Promise<void>
  rollback(deployment: string, because: Because): Promise<void>
  setShadow(deployment: string, change: Because & { revision: string; share: number }): Promise<void>
  startCanary(deployment: string, change: Because & { revision: string; weight: number }): Promise<void>
  finishCanary(deployment: string, end: Because & { revision: string; outcome: 'promote' | 'roll_back' }): Promise<void>
  /** The project file says something else of its deployments: requests are taken as it says now. */
  follow(): Promise<void>
  /** The routes as they stand, with every bundle in its folder. */
  routes(): Promise<RoutesFile>
}

export interface TrafficParts extends CheckoutParts {
  readonly db: Db
  readonly store: ServingStore
  readonly projects: Pick<Projects, 'find'>
  readonly outbox: Pick<Outbox, 'emit'>
  readonly ledger: Pick<Ledger, 'record' | 'link'>
  readonly supervisor: Pick<Supervisor, 'publish'>
  readonly clock: Clock
  readonly warn: (facts: object, message: string) => void
}

/** The ledger's node of a bundle. */
export const bundleNode = (bundle: Digest): string => `bdl_${bundle}`

export function createTrafficControl(parts: TrafficParts): TrafficControl {
  const { db, store, supervisor, clock } = parts
  let queue: Promise<unknown> = Promise.resolve()
  let said = ''

  /** One change at a time, so that routes.json is written in the order of its versions. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  async function routes(preload: readonly Digest[] = []): Promise<RoutesFile> {
    const read = await readRoutes(parts, preload)
    said = canonicalJson(read.deployments)
    return read
  }

  /** Loads a bundle in the model server before any request can need it. Throws `unavailable` when it cannot be loaded. */
  async function preload(bundle: Digest): Promise<void> {
    await checkOut(parts, bundle)
    await linkPython(parts, bundle)
    await db.transaction().execute(tx => store.nextRoutes(tx))
    await supervisor.publish(await routes([bundle]), [bundle])
  }

  /** Has a revision loaded that may have had no requests for long. Throws `not_found`. */
  async function prepare(name: string, id: string): Promise<void> {
    const found = await store.revision(id)
    if (!found || found.deployment !== name) throw notFound('revision', id)
    await preload(found.bundle)
  }

  async function change(
    name: string,
    because: Because,
    decide: (shares: readonly RevisionRow[]) => readonly Share[],
  ): Promise<void> {
    const deployment = await store.deployment(name)
    if (!deployment) throw notFound('deployment', name)
    await db.transaction().execute(async tx => {
      await store.nextRoutes(tx)
      await writeShares(parts, tx, { deployment, because, decide })
    })
    crashPoint('serving.traffic_changed')
    await supervisor.publish(await routes())
  }

  return {
    routes: () => routes(),

    deploy: request =>
      inTurn(async () => {
        const known = await findKnown(store, request)
        if (known) {
          await supervisor.publish(await routes())
          return known
        }
        await preload(request.bundle)
        const id = newId<'deployment_revision'>('rev')
        await db.transaction().execute(async tx => addRevision(parts, tx, { ...request, id, at: clock.now() }))
        crashPoint('serving.deployed')
        await supervisor.publish(await routes(), [request.bundle])
        return (await store.revision(id))!
      }),

    follow: () =>
      inTurn(async () => {
        const before = said
        await routes()
        if (said === before) return
        await db.transaction().execute(tx => store.nextRoutes(tx))
        await supervisor.publish(await routes())
      }),

    ...divisions({ store, inTurn, change, prepare }),
  }
}

interface DivisionParts {
  readonly store: ServingStore
  inTurn<T>(work: () => Promise<T>): Promise<T>
  change(name: string, because: Because, decide: ShareChange['decide']): Promise<void>
  prepare(name: string, revision: string): Promise<void>
}

/** The changes that only divide requests otherwise. */
const divisions = ({
  store,
  inTurn,
  change,
  prepare,
}: DivisionParts): Pick<TrafficControl, 'setTraffic' | 'rollback' | 'setShadow' | 'startCanary' | 'finishCanary'> => ({
  setTraffic: (name, { weights, ...because }) =>
    inTurn(() => change(name, because, shares => divided(shares, weights))),

  rollback: (name, because) => inTurn(() => change(name, because, rolledBack)),

  setShadow: (name, { revision, share, ...because }) =>
    inTurn(async () => {
      await prepare(name, revision)
      await change(name, because, shares => shadowed(shares, revision, share))
    }),

  startCanary: (name, { revision, weight, ...because }) =>
    inTurn(() => change(name, because, shares => deployedShares(shares, revision, weight))),

  finishCanary: (name, { revision, outcome, ...because }) =>
    inTurn(async () => {
      const ended = outcome === 'promote' ? 'live' : 'rolled_back'
      const { state } = await requireCanary(store, name, { revision, ended })
      if (state !== 'canary') return
      await change(name, because, shares => (outcome === 'promote' ? promoted(shares, revision) : rolledBack(shares)))
    }),
})

/** A revision that is a canary, or has ended so. Throws `not_found`, or `conflict` for one in another state. */
async function requireCanary(
  store: ServingStore,
  name: string,
  { revision, ended }: { revision: string; ended: RevisionState },
): Promise<RevisionRow> {
  const found = await store.revision(revision)
  if (!found || found.deployment !== name) throw notFound('revision', revision)
  const { number, state } = found
  if (state === ended || state === 'canary') return found
  throw conflict(`Revision ${number} of ${name} is ${state} and no canary.`, { state })
}

async function findKnown(
  store: ServingStore,
  { key, deployment, version, bundle }: DeployRequest,
): Promise<RevisionRow | undefined> {
  const byKey = key === undefined ? undefined : await store.revisionByKey(key)
  if (byKey) return byKey
  const revisions = await store.revisions([deployment])
  return revisions.find(
    revision =>
      revision.version === version.id &&
      revision.bundle === bundle &&
      ['live', 'canary', 'shadow'].includes(revision.state),
  )
}

async function addRevision(
  parts: TrafficParts,
  tx: AnyTx,
  request: DeployRequest & { id: string; at: number },
): Promise<void> {
  const { store, outbox, ledger } = parts
  const { project, deployment: name, model, version, bundle, weight, actor, reason, id, at } = request
  await store.nextRoutes(tx)
  const deployment = await store.putDeployment(tx, { name, project, model, createdAt: at })
  if (deployment.project !== project)
    throw conflict(`The deployment ${name} belongs to the project ${deployment.project}.`, {
      deployment: name,
      project: deployment.project,
    })
  const { number } = await store.addRevision(tx, {
    id: id as RevisionRow['id'],
    key: request.key,
    deployment: name,
    version: version.id,
    versionNumber: version.version,
    bundle,
    createdAt: at as RevisionRow['createdAt'],
  })
  const shares = await writeShares(parts, tx, {
    deployment,
    because: { actor, reason },
    decide: before =>
      request.shadow === undefined ? deployedShares(before, id, weight) : shadowed(before, id, request.shadow),
  })
  const own = shares.find(share => share.id === id)!
  const data = { deployment: name, model, revision: id, version: version.id, weight: own.weight, isFirst: number === 1 }
  await outbox.emit(tx, deployed, { project, actor, data })
  await ledger.record(tx, {
    id: bundleNode(bundle),
    kind: 'bundle',
    label: `bundle ${bundle.slice(0, 12)}`,
    project,
    facts: { digest: bundle },
  })
  await ledger.record(tx, {
    id,
    kind: 'deployment_revision',
    label: `${name} revision ${number}`,
    project,
    facts: { deployment: name, number, version: version.id, actor, reason },
  })
  await ledger.link(tx, { from: id, to: version.id, relation: 'serves' })
  await ledger.link(tx, { from: id, to: bundleNode(bundle), relation: 'runs' })
  await ledger.link(tx, { from: bundleNode(bundle), to: version.id, relation: 'contains' })
}

interface ShareChange {
  readonly deployment: DeploymentRow
  readonly because: Because
  readonly decide: (shares: readonly RevisionRow[]) => readonly Share[]
}

async function writeShares(
  { store, outbox, clock }: TrafficParts,
  tx: AnyTx,
  { deployment, because, decide }: ShareChange,
): Promise<readonly Share[]> {
  const before = await store.revisionsIn(tx, deployment.name)
  const shares = decide(before)
  const changed = shares.filter(({ id, state, weight, shadow }) =>
    before.some(
      share => share.id === id && (share.state !== state || share.weight !== weight || share.shadow !== shadow),
    ),
  )
  await store.setShares(tx, changed, clock.now())
  const weights = weightsOf(shares)
  await store.addTraffic(tx, deployment.name, { at: clock.now(), ...because, weights })
  const data = { deployment: deployment.name, weights, reason: because.reason }
  await outbox.emit(tx, trafficChanged, { project: deployment.project, actor: because.actor, data })
  return shares
}

async function readRoutes(parts: TrafficParts, preload: readonly Digest[]): Promise<RoutesFile> {
  const { store } = parts
  const version = await store.routesVersion()
  const deployments = await store.deployments()
  const revisions = await store.revisions(deployments.map(({ name }) => name))
  const declared = await declaredOf(parts.projects, deployments)
  const routes = deployments.map(({ name, project }) => {
    const own = revisions.filter(({ deployment }) => deployment === name)
    const routed = routable(own)
    return {
      name,
      project,
      ...declared.get(name)!,
      isGraph: false,
      revisions: routed
        .toSorted((a, b) => a.number - b.number)
        .map(({ id, number, version: model, bundle, weight, shadow }) => ({
          id,
          number,
          version: model,
          bundle,
          weight,
          shadow,
        })),
      former: own.filter(each => !routed.includes(each)).map(({ id, version: model }) => ({ id, version: model })),
    }
  })
  const projects = [...new Set(deployments.map(({ project }) => project))]
  const graphs = await graphRoutes(parts, projects, new Set(deployments.map(({ name }) => name)))
  for (const { bundle } of [...routes, ...graphs].flatMap(route => route.revisions)) {
    await checkOut(parts, bundle)
    // One deployment whose environment is gone and cannot be built again may not keep the others from their routes.
    await linkPython(parts, bundle).catch((error: unknown) =>
      parts.warn({ err: error, bundle }, 'the Python environment of a bundle cannot be built'),
    )
  }
  return { version, deployments: [...routes, ...graphs], preload: [...preload] }
}
