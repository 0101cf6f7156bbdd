import { statusPath } from '../routes-file.ts'
import { rowsMax } from './bind.ts'
import { json, type Call, type Reply } from './call.ts'
import type { Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { seen } from './predictor.ts'
import { RequestError } from './request-error.ts'
import type { LiveDeployment, LiveRevision, RouteTable } from './route-table.ts'
import type { Statistics } from './statistics.ts'

/** What is read with GET: health, metadata, statistics, metrics. */

export interface PageParts {
  readonly table: RouteTable
  readonly metrics: Pick<Metrics, 'text'>
  readonly statistics: Pick<Statistics, 'read'>
  /** Of the platform. */
  readonly version: string
  isDraining(): boolean
}

type Page = (parts: PageParts, caller: Caller) => Reply | Promise<Reply>

/** The page at a path; undefined when there is none. */
export function pageAt({ path, caller }: Pick<Call, 'path' | 'caller'>): Page | undefined {
  if (path === statusPath && !caller.isKeeper) return undefined
  return Object.hasOwn(pages, path) ? pages[path] : modelPage(path)
}

/** The extensions of the protocol that are here, by their names in Triton's documents. */
export const extensions = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'parameters',
  'statistics',
]

export const serverMetadata = ({ version }: Pick<PageParts, 'version'>): object => ({
  name: 'trainyard',
  version,
  extensions,
})

const server: Page = parts => json(serverMetadata(parts))
const live = (): Reply => json({ live: true })

export const isServerReady = ({ table, isDraining }: Pick<PageParts, 'table' | 'isDraining'>): boolean =>
  table.isReady() && !isDraining()

const readable = ({ table }: PageParts, caller: Caller): readonly LiveDeployment[] =>
  table.deployments().filter(deployment => caller.reads(deployment))

/** What is read under a fixed path. */
const pages: Readonly<Record<string, Page>> = {
  '/v2': server,
  '/v2/': server,
  '/healthz': live,
  '/v2/health/live': live,
  '/v2/health/ready'(parts) {
    const ready = isServerReady(parts)
    return json({ ready }, ready ? 200 : 503)
  },
  '/v2/models': (parts, caller) => json({ models: readable(parts, caller).map(({ name }) => ({ name })) }),
  '/v2/models/stats': (parts, caller) => json(parts.statistics.read(readable(parts, caller))),
  // It names the deployments of all projects.
  async '/metrics'({ metrics }, { readsAll }) {
    if (!readsAll) throw new RequestError(403, 'Metrics take the role viewer in every project.')
    return { status: 200, body: await metrics.text(), type: 'text/plain; version=0.0.4; charset=utf-8' }
  },
  [statusPath]: ({ table }) => json({ pid: process.pid, ...table.status() }),
}

/** `/v2/models/{deployment}[/versions/{number}][/ready | /config | /stats]` */
function modelPage(path: string): Page | undefined {
  const [, name, version, verb = 'metadata'] =
    /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|config|stats))?\/?$/.exec(path) ?? []
  if (name === undefined) return undefined
  return (parts, caller) => {
    const deployment = seen(parts.table, decodePart(name), caller)
    const named = version === undefined ? undefined : decodePart(version)
    return modelPages[verb as keyof typeof modelPages](parts, deployment, named)
  }
}

type ModelPage = (parts: PageParts, deployment: LiveDeployment, version: string | undefined) => Reply

const modelPages: Readonly<Record<'ready' | 'config' | 'stats' | 'metadata', ModelPage>> = {
  ready(_, deployment, version) {
    const ready = isModelReady(deployment, version)
    return json({ name: deployment.name, ready }, ready ? 200 : 503)
  },
  config: ({ table }, deployment, version) => json(modelConfig(deployment, pictured(table, deployment, version))),
  stats({ table, statistics }, deployment, version) {
    // Refuses a version that is not there.
    const { number } = pictured(table, deployment, version)
    return json(statistics.read([deployment], version === undefined ? undefined : String(number)))
  },
  metadata: ({ table }, deployment, version) => json(modelMetadata(deployment, pictured(table, deployment, version))),
}

export const isModelReady = ({ revisions }: LiveDeployment, version: string | undefined): boolean =>
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

export interface ModelMetadata {
  readonly name: string
  readonly versions: readonly string[]
  readonly platform: string
  readonly inputs: LiveRevision['model']['manifest']['signature']['inputs']
  readonly outputs: LiveRevision['model']['manifest']['signature']['outputs']
  readonly properties: Readonly<Record<string, string>>
}

export function modelMetadata({ name, revisions }: LiveDeployment, { model }: LiveRevision): ModelMetadata {
  const { signature, service } = model.manifest
  return {
    name,
    versions: revisions.map(({ number }) => String(number)),
    platform,
    ...signature,
    properties: service ? { entity: service.entityKey } : {},
  }
}

const platform = 'onnx_onnxv1'

/** As far as a load generator reads it before it starts: the first dimension of every tensor is the batch. */
export function modelConfig({ name }: LiveDeployment, { model }: LiveRevision) {
  const { inputs, outputs } = model.manifest.signature
  const described = (tensors: typeof inputs) =>
    tensors.map(({ name: tensor, datatype, shape }) => ({
      name: tensor,
      data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
      dims: shape.length > 1 ? shape.slice(1) : [1],
    }))
  return { name, platform, backend: '', max_batch_size: rowsMax, input: described(inputs), output: described(outputs) }
}

/** A part of a path as it was meant; as it was written when that cannot be told. */
export function decodePart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
