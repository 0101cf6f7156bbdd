import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '#kernel/id.ts'
import { DeferralsFile, deferralFolder, deferralsFile, type DeferralRule } from '../deferrals-file.ts'
import { readJsonFile } from '../routes-file.ts'
import { json, single, type Call, type Reply } from './call.ts'
import { deferralFiles, type DeferralFiles, type DeferredRequest } from './deferral-files.ts'
import { createDeferralHooks } from './deferral-hooks.ts'
import { createDeferralWork } from './deferral-work.ts'
import type { Metrics } from './metrics.ts'
import { askable } from './predictor.ts'
import { RequestError, turnedAway } from './request-error.ts'
import type { RouteTable } from './route-table.ts'

/** Requests that are accepted now and answered later [RFC 7240, 4.1]. */
export interface Deferrals {
  /** 202, when the client asks for it and the deployment does so; undefined when it is to be answered now. Throws `RequestError`. */
  accept(call: Call, deployment: string): Promise<Reply | undefined>
  /** The answer, or 202 while there is none. Throws `RequestError`. */
  status(call: Call, deployment: string, id: string): Promise<Reply>
  /** Begins to answer; those that earlier processes have accepted too. */
  open(answer: (call: Call) => Promise<Reply>): void
  /** Reads again which deployments do so. */
  reload(): Promise<void>
  /** Begins no more; what has no answer is left to the next process. */
  stop(): Promise<void>
}

export interface DeferralsParts {
  readonly folder: string
  readonly owner: { readonly pid: number; readonly ticks: number }
  /** Of several processes this one looks after what others have left. */
  readonly isFirst: boolean
  /** Before the paths that clients are told. */
  readonly prefix: string
  readonly table: Pick<RouteTable, 'deployment'>
  readonly metrics: Pick<Metrics, 'shed'>
}

/** Bytes of the requests that wait, and of the answers of a deployment that are kept. */
const [waitingBytesMax, answerBytesMax] = [1024 ** 3, 4 * 1024 ** 3]
const [lookEveryMs, sweepEveryMs] = [1_000, 60_000]
/** Of answers whose deployment does not say any more. */
const usualKeepMs = 86_400_000
/** Of a request, what its answer depends on. */
const keptHeaders = /^(content-type|accept|inference-header-content-length|x-trainyard-[a-z-]+)$/

export const deferredPath = /^\/v2\/models\/([^/]+)\/requests\/(req_[0-9a-f-]{36})$/

interface Named {
  readonly deployment: string
  readonly id: string
}

const locationBehind =
  (prefix: string) =>
  ({ deployment, id }: Named): string =>
    `${prefix}/v2/models/${encodeURIComponent(deployment)}/requests/${id}`

export function createDeferrals({ folder, owner, isFirst, prefix, table, metrics }: DeferralsParts): Deferrals {
  const locationOf = locationBehind(prefix)
  const files = deferralFiles(deferralFolder(folder), owner)
  const stopping = new AbortController()
  const { signal } = stopping
  /** Those that this process has accepted, or taken over, and is not done with. */
  const held = new Map<string, Held>()
  let rules = new Map<string, DeferralRule>()
  let targets: DeferralsFile['targets'] = 'public'
  let watching = Promise.resolve()
  const rule = (deployment: string): DeferralRule | undefined => rules.get(deployment)
  const warn = (sentence: string): void => void process.stderr.write(`${sentence}\n`)
  const work = createDeferralWork({ files, rule, warn, ended: id => held.delete(id) })
  const carryHooks = createDeferralHooks({ files, rule, targets: () => targets, locationOf, warn })

  let sweepAt = 0
  async function look(): Promise<void> {
    for (const id of await files.adopt()) work.add(id)
    await carryHooks()
    if (Date.now() < sweepAt) return
    await sweep(files, rule)
    sweepAt = Date.now() + sweepEveryMs
  }

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      await look().catch((error: unknown) => warn(`Deferred requests could not be looked after: ${String(error)}`))
      await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
    }
  }

  return {
    async accept(call, deployment) {
      const declared = rules.get(deployment)
      if (!declared || call.deferred || !wantsLater(single(call.headers['prefer']))) return undefined
      askable(table, { deployment, caller: call.caller })
      if (signal.aborted || isFull([...held.values()], declared, call.body.length)) {
        metrics.shed(deployment, 'queue')
        throw turnedAway(
          'queue',
          `As many accepted requests wait for ${deployment} as may. Try again later.`,
          lookEveryMs,
        )
      }
      const request = requestOf(call, deployment)
      held.set(request.id, { deployment, bytes: call.body.length })
      await files.accept(request).catch((error: Error) => {
        held.delete(request.id)
        throw new RequestError('unavailable', `The request could not be kept, so it is not accepted: ${error.message}`)
      })
      work.add(request.id)
      return pending(request.id, locationOf(request), { 'preference-applied': 'respond-async' })
    },
    async status({ method, caller }, deployment, id) {
      if (method !== 'GET' && method !== 'HEAD') throw new RequestError('wrong_method', 'An answer is read with GET.')
      askable(table, { deployment, caller })
      return (await answerTo(files, { deployment, id })) ?? pending(id, locationOf({ deployment, id }))
    },
    open(answer) {
      work.open(answer)
      if (isFirst) watching = watch()
    },
    async reload() {
      const found = await readJsonFile(deferralsFile(folder), DeferralsFile)
      rules = new Map(found?.deployments.map(each => [each.deployment, each]))
      targets = found?.targets ?? 'public'
    },
    async stop() {
      stopping.abort()
      await Promise.all([watching, work.stop()])
    },
  }
}

interface Held {
  readonly deployment: string
  readonly bytes: number
}

const isFull = (held: readonly Held[], { deployment, waiting }: DeferralRule, bytes: number): boolean =>
  held.filter(each => each.deployment === deployment).length >= waiting ||
  held.reduce((sum, each) => sum + each.bytes, bytes) > waitingBytesMax

async function sweep(files: DeferralFiles, rule: (deployment: string) => DeferralRule | undefined): Promise<void> {
  for (const deployment of await files.deployments()) {
    const { keepMs = usualKeepMs } = rule(deployment) ?? {}
    await files.sweep(deployment, { before: Date.now() - keepMs, bytesMax: answerBytesMax })
  }
}

/** Undefined while there is none. Throws `RequestError` for a request that is not known. */
async function answerTo(files: DeferralFiles, { deployment, id }: Named): Promise<Reply | undefined> {
  const first = await files.answer(deployment, id)
  if (!first && (await files.isWaiting(id))) return undefined
  // It may have been answered between the two looks.
  const found = first ?? (await files.answer(deployment, id))
  if (!found) throw new RequestError('not_found', `There is no request ${id}, or its answer is not kept any more.`)
  const { status, type, headers, body } = found
  return { status, type, headers, body: Buffer.from(body, 'base64') }
}

/** Whether a client prefers to be answered later [RFC 7240, 2: the names of preferences are in any case]. */
const wantsLater = (prefer = ''): boolean =>
  prefer.split(',').some(preference => /^\s*respond-async\s*(;|$)/i.test(preference))

function requestOf({ path, headers, body, caller }: Call, deployment: string): DeferredRequest {
  const kept = Object.entries(headers).filter(([name]) => keptHeaders.test(name))
  return {
    id: newId('req'),
    deployment,
    caller: { name: caller.name, client: caller.client },
    path,
    headers: {
      ...Object.fromEntries(kept.map(([name, value]) => [name, single(value)!])),
      'x-trainyard-deployment': deployment,
    },
    body: body.toString('base64'),
    acceptedAt: Date.now(),
  }
}

function pending(id: string, location: string, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = json({ id, state: 'waiting', location }, 202)
  return { ...body, headers: { location, 'retry-after': '1', ...headers } }
}
