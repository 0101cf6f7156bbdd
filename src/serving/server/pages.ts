import { toldOf } from './loaded-model.ts'
import { queuesPath } from '../queues-file.ts'
import { statusPath } from '../routes-file.ts'
import { rowsMax } from './bind.ts'
import { decodePart, json, type Call, type Reply } from './call.ts'
import type { Caller } from './key-ring.ts'
import { seen } from './predictor.ts'
import type { RecentRequest } from './recent-requests.ts'
import { RequestError } from './request-error.ts'
import { isModelReady, pictured, type LiveDeployment, type LiveRevision, type RouteTable } from './route-table.ts'
import { namedV1, v1Metadata, v1Status } from './v1-rest.ts'
import type { WholeServer } from './whole-server.ts'

/** What is read with GET: health, metadata, statistics, metrics. */

export interface PageParts {
  readonly table: RouteTable
  /** Of all processes of the server. */
  readonly whole: WholeServer
  /** Of the platform. */
  readonly version: string
  readonly routes: OtherRoutes
  isDraining(): boolean
}

/** What the protocols of single deployments leave to whoever runs the server; an empty path is none. */
export interface OtherRoutes {
  /** Which deployment they ask; empty: see `meantDeployment`. */
  readonly deployment: string
  /** Where Vertex AI asks for predictions, and for health. */
  readonly predict: string
  readonly health: string
}

type Page = (parts: PageParts, caller: Caller) => Reply | Promise<Reply>

const keeperPaths: readonly string[] = [statusPath, queuesPath]

/** The page at a path; undefined when there is none. */
export function pageAt(routes: OtherRoutes, { path, caller }: Pick<Call, 'path' | 'caller'>): Page | undefined {
  if (keeperPaths.includes(path) && !caller.isKeeper) return undefined
  if (path === routes.health) return ping
  return Object.hasOwn(pages, path) ? pages[path] : (modelPage(path) ?? v1Page(path))
}

const healthPaths = new Set([
  '/healthz',
  '/ping',
  '/health',
  '/v2/health/live',
  '/v2/health/ready',
  '/inference.GRPCInferenceService/ServerLive',
  '/inference.GRPCInferenceService/ServerReady',
  '/grpc.health.v1.Health/Check',
])

/** Answered to everyone: load balancers and orchestrators have no token. */
export const isHealth = ({ health }: OtherRoutes, path: string): boolean => healthPaths.has(path) || path === health

/** The extensions of the protocol that are here, by their names in Triton's documents. */
export const extensions = [
  'binary_tensor_data',
  'classification',
  'generate',
  'model_configuration',
  'model_repository',
  'parameters',
  'schedule_policy',
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

/** The deployments that are there for a caller. */
export const readable = ({ table }: Pick<PageParts, 'table'>, caller: Caller): readonly LiveDeployment[] =>
  table.deployments().filter(deployment => caller.reads(deployment))

/** Whether predictions can be asked for, in the status alone [SageMaker, MLflow, Vertex AI]. */
const ping: Page = parts => ({ status: isServerReady(parts) ? 200 : 503, body: '\n', type: 'text/plain' })

/** Of the deployments that the caller manages; what met none, to who reads all. */
const recentRequests: Page = async ({ table, whole }, caller) => {
  const { slow, failed } = await whole.recent()
  const deployments = new Map(table.deployments().map(deployment => [deployment.name, deployment]))
  const isShown = ({ deployment: name }: RecentRequest): boolean => {
    if (name === undefined) return caller.readsAll
    const found = deployments.get(name)
    return found !== undefined && caller.manages(found)
  }
  return json({ slow: slow.filter(isShown), failed: failed.filter(isShown) })
}

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
  '/ping': ping,
  '/health': ping,
  '/version': ({ version }) => ({ status: 200, body: version, type: 'text/plain' }),
  '/v1/models': (parts, caller) => json({ models: readable(parts, caller).map(({ name }) => name) }),
  '/v2/models': (parts, caller) => json({ models: readable(parts, caller).map(({ name }) => ({ name })) }),
  '/v2/models/stats': (parts, caller) => parts.whole.statistics(readable(parts, caller)).then(read => json(read)),
  // It names the deployments of all projects.
  async '/metrics'({ whole }, { readsAll }) {
    if (!readsAll) throw new RequestError('forbidden', 'Metrics take the role viewer in every project.')
    return { status: 200, body: await whole.metrics(), type: 'text/plain; version=0.0.4; charset=utf-8' }
  },
  '/admin/debug/requests': recentRequests,
  [queuesPath]: async ({ whole }) => json({ queues: await whole.queues() }),
  [statusPath]: async ({ whole }) => json(await whole.status()),
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

/** `/v1/models/{deployment}[/versions/{number}|/labels/{label}][/metadata]` */
function v1Page(path: string): Page | undefined {
  const [, name, kind, version, metadata] =
    /^\/v1\/models\/([^/:]+)(?:\/(versions|labels)\/([^/:]+))?(\/metadata)?$/.exec(path) ?? []
  if (name === undefined) return undefined
  return (parts, caller) => {
    const deployment = seen(parts.table, decodePart(name), caller)
    const given = namedV1(kind, version)
    const named = given === undefined ? undefined : decodePart(given)
    return (metadata === undefined ? v1Status : v1Metadata)(parts, deployment, named)
  }
}

type ModelPage = (parts: PageParts, deployment: LiveDeployment, version: string | undefined) => Reply | Promise<Reply>

const modelPages: Readonly<Record<'ready' | 'config' | 'stats' | 'metadata', ModelPage>> = {
  ready(_, deployment, version) {
    const ready = isModelReady(deployment, version)
    return json({ name: deployment.name, ready }, ready ? 200 : 503)
  },
  config: ({ table }, deployment, version) => json(modelConfig(deployment, pictured(table, deployment, version))),
  async stats({ table, whole }, deployment, version) {
    // Refuses a version that is not there.
    const { number } = pictured(table, deployment, version)
    return json(await whole.statistics([deployment], version === undefined ? undefined : String(number)))
  },
  metadata: ({ table }, deployment, version) => json(modelMetadata(deployment, pictured(table, deployment, version))),
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
  const { service, runtime } = model.manifest
  const computed = model.requested && [
    ...model.requested.plan.features.map(feature => feature.name),
    ...(model.manifest.preprocess?.gives ?? []),
  ]
  return {
    name,
    versions: revisions.map(({ number }) => String(number)),
    platform: platformOf(runtime),
    ...toldOf(model),
    properties: {
      ...(service && { entity: service.entityKey }),
      ...(computed && { computed: computed.join() }),
    },
  }
}

/** `<project>_<format>` [Open Inference Protocol 2, model metadata]. */
function platformOf(runtime: LiveRevision['model']['manifest']['runtime']): string {
  if (runtime.kind === 'onnx') return 'onnx_onnxv1'
  if (runtime.kind === 'graph') return 'trainyard_graph'
  return (
    { mlflow: 'mlflow_pyfunc', class: 'python_class', pytorch: 'pytorch_model' }[runtime.loader as string] ??
    `${runtime.loader}_model`
  )
}

/** As far as a load generator reads it before it starts: the first dimension of every tensor is the batch. */
export function modelConfig({ name }: LiveDeployment, { model }: LiveRevision) {
  const { runtime } = model.manifest
  const { inputs, outputs } = toldOf(model)
  const described = (tensors: typeof inputs) =>
    tensors.map(({ name: tensor, datatype, shape }) => ({
      name: tensor,
      data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
      dims: shape.length > 1 ? shape.slice(1) : [1],
    }))
  const about = { name, platform: platformOf(runtime), backend: '', max_batch_size: rowsMax }
  return {
    ...about,
    input: described(inputs),
    output: described(outputs),
    parameters: placementParameters(model),
    ...(model.isStreaming && { model_transaction_policy: { decoupled: true } }),
  }
}

/** Where it computes, and why, as Triton has what it has no word for. */
function placementParameters({ placement }: LiveRevision['model']): Record<string, { string_value: string }> {
  const found = placement()
  if (!found) return {}
  const { place, rowMs, why } = found
  const told = { placement: place, ...(rowMs !== undefined && { row_ms: rowMs.toPrecision(3) }), placement_reason: why }
  return Object.fromEntries(Object.entries(told).map(([name, text]) => [name, { string_value: text }]))
}
