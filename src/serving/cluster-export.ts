import type { Readable } from 'node:stream'
import { stringify } from 'yaml'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound } from '#kernel/error.ts'
import { readTree, type Blobs } from '#storage'
import { BundleManifest, manifestFile } from './bundle.ts'
import type { ServingKey } from './keys-file.ts'
import {
  clusterManifests,
  containerfile,
  kserveManifests,
  logSecretName,
  routesOfOne,
  type ClusterOrder,
  type Manifest,
} from './kubernetes.ts'
import type { DeploymentRoute, RoutesFile } from './routes-file.ts'
import type { TimeSettings, WorkerSettings } from './server-settings.ts'
import type { ServingStore } from './store.ts'

/** That a pod is going reaches what stands before it within seconds, in which requests still come. */
const drainMsMin = 10_000

/** What of a cluster is wanted by whoever exports to it. */
export type ClusterWish = Pick<
  ClusterOrder,
  'namespace' | 'image' | 'replicas' | 'cores' | 'memoryMb' | 'online' | 'logTo'
> & {
  readonly kserve: boolean
}

/** All files of an export: small ones as text, those of bundles by digest. */
export interface ClusterExport {
  readonly files: readonly { readonly path: string; readonly text: string }[]
  readonly blobs: readonly { readonly path: string; readonly bundle: Digest; readonly digest: Digest }[]
  /** What whoever uses it has to know. */
  readonly notes: readonly string[]
}

/** What leaves for where no control plane is. */
export interface ClusterExports {
  /** A deployment as a container image and what a cluster is told of it. Throws `not_found`. */
  exportToCluster(deployment: string, wish: ClusterWish): Promise<ClusterExport>
  /** A file of a bundle that a deployment has. Throws `not_found`. */
  bundleFile(deployment: string, bundle: Digest, file: Digest): Promise<Readable>
}

export interface ClusterExportParts {
  readonly store: Pick<ServingStore, 'revisions'>
  readonly blobs: Blobs
  readonly version: string
  readonly times: TimeSettings
  readonly workers: WorkerSettings
  keys(): Promise<readonly ServingKey[]>
}

export function clusterExports(
  parts: ClusterExportParts,
  { routes }: { routes(): Promise<RoutesFile> },
): ClusterExports {
  const { store, blobs } = parts
  return {
    exportToCluster: (name, wish) => exportToCluster({ ...parts, routes }, name, wish),
    async bundleFile(name, bundle, file) {
      const isOwn = (await store.revisions([name])).some(revision => revision.bundle === bundle)
      const tree = isOwn ? await readTree(blobs, bundle) : {}
      if (!Object.values(tree).some(({ digest }) => digest === file)) throw notFound('artifact', file)
      return blobs.read(file)
    },
  }
}

async function exportToCluster(
  parts: Omit<ClusterExportParts, 'store'> & { routes(): Promise<RoutesFile> },
  name: string,
  { kserve, ...wish }: ClusterWish,
): Promise<ClusterExport> {
  const routes = routesOfOne(await parts.routes(), name)
  const [route] = routes.deployments
  if (!route) throw notFound('deployment', name)
  if (route.isGraph)
    throw invalid('A graph does not leave: it asks deployments that are here.', [
      { field: 'deployment', value: name, allowed: 'a deployment of one model' },
    ])
  if (route.revisions.length === 0)
    throw invalid('Nothing answers for this deployment.', [
      { field: 'deployment', value: name, allowed: 'one with a revision that takes requests' },
    ])
  const { version, times, workers } = parts
  const order: ClusterOrder = {
    ...wish,
    deployment: name,
    version,
    drainMs: Math.max(times.drainMs, drainMsMin),
    workerMemoryBytes: workers.memoryBytes,
    keys: { keys: keysOf(route, await parts.keys()) },
  }
  const bundles = await Promise.all(
    [...new Set(route.revisions.map(({ bundle }) => bundle))].map(bundle => readBundle(parts.blobs, bundle)),
  )
  const manifests = kserve ? kserveManifests(order) : clusterManifests(order)
  return {
    files: [
      ...manifests.map(manifest => ({ path: `cluster/${fileName(manifest)}`, text: stringify(manifest) })),
      { path: 'image/Containerfile', text: containerfile({ version, bundles }) },
      { path: 'image/routes.json', text: JSON.stringify(routes) },
    ],
    blobs: bundles.flatMap(({ digest, files }) =>
      files.map(file => ({ path: `image/bundles/${digest}/${file.path}`, bundle: digest, digest: file.digest })),
    ),
    notes: notesOf(order, bundles),
  }
}

const fileName = ({ kind }: Manifest): string => `${kind.toLowerCase()}.yaml`

/** The tokens that may ask this deployment, by hash: there they ask it, and do nothing else. */
const keysOf = ({ name, project }: DeploymentRoute, keys: readonly ServingKey[]): ServingKey[] =>
  keys
    .filter(
      ({ asks, deployments }) => (asks === 'all' || asks.includes(project)) && (deployments?.includes(name) ?? true),
    )
    .map(key => ({ ...key, reads: [], asks: [project], deployments: [name] }))

interface Bundle {
  readonly digest: Digest
  readonly lock: string | undefined
  readonly isPython: boolean
  readonly looksUp: boolean
  readonly files: readonly { readonly path: string; readonly digest: Digest }[]
}

async function readBundle(blobs: Blobs, digest: Digest): Promise<Bundle> {
  const tree = await readTree(blobs, digest)
  const { runtime, service } = BundleManifest.parse(
    JSON.parse(Buffer.from(await blobs.bytes(tree[manifestFile]!.digest)).toString()),
  )
  return {
    digest,
    isPython: runtime.kind === 'python',
    lock: runtime.kind === 'python' ? runtime.lock : undefined,
    looksUp: service !== null,
    files: Object.entries(tree).map(([path, file]) => ({ path, digest: file.digest })),
  }
}

function notesOf(
  { deployment, namespace, online, logTo, keys }: ClusterOrder,
  bundles: readonly Bundle[],
): readonly string[] {
  const notes = [
    logTo === ''
      ? 'What is answered there is not in the prediction log here: --log-to says where it is told.'
      : `Pods tell of their predictions with a token of yours: kubectl -n ${namespace} create secret generic ${logSecretName({ deployment })} --from-literal=token=…`,
  ]
  if (bundles.some(({ looksUp }) => looksUp) && online === '')
    notes.push('The model has features looked up: without --online every request has to send all of them.')
  if (keys.keys.length === 0)
    notes.push('Nobody has a token for this deployment: make one with `trainyard token`, then export again.')
  return notes
}
