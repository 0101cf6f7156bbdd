import { rotatePath, statusPath } from '../routes-file.ts'
import { infer, type InferParts } from './infer.ts'
import type { Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { RequestError } from './request-error.ts'
import type { LiveDeployment, LiveRevision, RouteTable } from './route-table.ts'

/** A request without its transport. */
export interface Call {
  readonly method: string
  /** Path without the query. */
  readonly path: string
  /** The `x-trainyard-revision` header. */
  readonly revision: string | undefined
  readonly body: Buffer
  readonly caller: Caller
  /** `performance.now()` when the request began. */
  readonly startedAt: number
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Handler = (call: Call) => Promise<Reply>

const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) })

/** Answers every call, whatever is in it: a sentence and a status when it cannot be a prediction. */
export function createHandler(
  parts: InferParts & { table: RouteTable; metrics: Metrics; version: string; isDraining(): boolean },
): Handler {
  const { metrics } = parts
  return async call => {
    const target = parseTarget(call.path)
    if (target?.verb !== 'infer') return route(parts, call, target).catch(refusal)
    let chosen: LiveRevision | undefined
    const reply = await inferReply(parts, call, target, revision => void (chosen = revision)).catch(refusal)
    // Names that lead nowhere are the client's: they may not become labels without end.
    metrics.observe({
      deployment: chosen ? target.deployment : '',
      revision: chosen?.id ?? '',
      status: reply.status,
      seconds: (performance.now() - call.startedAt) / 1_000,
    })
    return reply
  }
}

interface Target {
  readonly deployment: string
  readonly version: string | undefined
  readonly verb: 'infer' | 'ready' | 'metadata'
}

/** `/v2/models/{deployment}[/versions/{number}][/infer | /ready]` */
function parseTarget(path: string): Target | undefined {
  const parts = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?\/?$/.exec(path)
  if (!parts) return undefined
  return {
    deployment: decode(parts[1]!),
    version: parts[2] === undefined ? undefined : decode(parts[2]),
    verb: (parts[3] as 'infer' | 'ready' | undefined) ?? 'metadata',
  }
}

/** Without the query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function inferReply(
  parts: RouteParts,
  call: Call,
  target: Target,
  onRevision: (revision: LiveRevision) => void,
): Promise<Reply> {
  if (call.method !== 'POST') throw new RequestError(405, 'An inference is asked for with POST.')
  const deployment = seen(parts.table, target.deployment, call.caller)
  if (!call.caller.asks(deployment))
    throw new RequestError(
      403,
      `${call.caller.name} may not ask ${deployment.name}: it takes the role editor in ${deployment.project}, or a token for this deployment.`,
    )
  const { body } = await infer(
    parts,
    { deployment, revision: target.version ?? call.revision, body: call.body, startedAt: call.startedAt },
    onRevision,
  )
  return { status: 200, body }
}

type RouteParts = Parameters<typeof createHandler>[0]

async function route(parts: RouteParts, { method, path, caller }: Call, target: Target | undefined): Promise<Reply> {
  if (method === 'POST' && path === rotatePath && caller.isKeeper) {
    await parts.log.rotate()
    return json({})
  }
  const read = target ? pageOf(target) : pages[path]
  if (!read || (path === statusPath && !caller.isKeeper)) throw new RequestError(404, `There is no ${path}.`)
  if (method !== 'GET' && method !== 'HEAD') throw new RequestError(405, `${path} is read with GET.`)
  return read(parts, caller)
}

type Page = (parts: RouteParts, caller: Caller) => Reply | Promise<Reply>

const pageOf =
  ({ deployment: name, version, verb }: Target): Page =>
  ({ table }, caller) => {
    const deployment = seen(table, name, caller)
    return verb === 'ready' ? readiness(deployment, version) : json(metadata(table, deployment, version))
  }

/** The deployment, if it is there for this caller. */
function seen(table: RouteTable, name: string, caller: Caller): LiveDeployment {
  const found = table.deployment(name)
  if (!found || !caller.reads(found)) throw new RequestError(404, `There is no deployment ${JSON.stringify(name)}.`)
  return found
}

const server = ({ version }: RouteParts): Reply => json({ name: 'trainyard', version, extensions: [] })
const live = (): Reply => json({ live: true })

/** What is read under a fixed path. */
const pages: Readonly<Record<string, Page>> = {
  '/v2': server,
  '/v2/': server,
  '/healthz': live,
  '/v2/health/live': live,
  '/v2/health/ready'({ table, isDraining }) {
    const ready = table.isReady() && !isDraining()
    return json({ ready }, ready ? 200 : 503)
  },
  '/v2/models': ({ table }, caller) =>
    json({ models: table.deployments().flatMap(found => (caller.reads(found) ? [{ name: found.name }] : [])) }),
  // It names the deployments of all projects.
  async '/metrics'({ metrics }, { readsAll }) {
    if (!readsAll) throw new RequestError(403, 'Metrics take the role viewer in every project.')
    return { status: 200, body: await metrics.text(), type: 'text/plain; version=0.0.4; charset=utf-8' }
  },
  [statusPath]: ({ table }) => json({ pid: process.pid, ...table.status() }),
}

function readiness({ name, revisions }: LiveDeployment, version: string | undefined): Reply {
  const ready = revisions.some(({ number, weight }) =>
    version === undefined ? weight > 0 : String(number) === version,
  )
  return json({ name, ready }, ready ? 200 : 503)
}

function metadata(table: RouteTable, found: LiveDeployment, version: string | undefined): object {
  const heaviest = found.revisions.toSorted((a, b) => b.weight - a.weight)[0]?.id
  const { model } = table.revision(found, { named: version ?? heaviest, predictionId: '' })
  const { signature, service } = model.manifest
  return {
    name: found.name,
    versions: found.revisions.map(({ number }) => String(number)),
    platform: 'onnx_onnxv1',
    ...signature,
    properties: service ? { entity: service.entityKey } : {},
  }
}

export function refusal(error: unknown): Reply {
  if (error instanceof RequestError) {
    const reply = json({ error: error.message }, error.status)
    return error.status === 401 ? { ...reply, headers: { 'www-authenticate': 'Bearer' } } : reply
  }
  return json({ error: `The model server has a fault: ${error instanceof Error ? error.message : String(error)}` }, 500)
}
