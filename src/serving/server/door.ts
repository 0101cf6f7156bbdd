import type { IncomingMessage } from 'node:http'
import { isCrossOrigin, isLoopbackName, isReading } from '#http/origin.ts'
import { pathOf, refusal, type Reply } from './call.ts'
import { nobody, type Caller, type KeyRing } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { RequestError } from './request-error.ts'

/** Decides by its head whether a request is read at all: who is not known here sends no bodies. */
export type Door = (request: IncomingMessage) => { readonly caller: Caller } | { readonly refused: Reply }

export function createDoor({
  isLocal,
  keys,
  metrics,
  isHealth,
}: {
  /** Listens on a loopback address. */
  isLocal: boolean
  keys: Pick<KeyRing, 'caller'>
  metrics: Pick<Metrics, 'observe'>
  /** Whether a path is answered to everyone. */
  isHealth(path: string): boolean
}): Door {
  return ({ method = '', url = '/', headers }) => {
    const startedAt = performance.now()
    try {
      if (isLocal && !isLoopbackName(headers.host))
        throw new RequestError(403, `Host ${headers.host ?? ''} is not this server: it listens on loopback only.`)
      if (!isReading(method) && isCrossOrigin(headers))
        throw new RequestError(403, 'A page of another origin may not ask for a prediction.')
      return { caller: isHealth(pathOf(url)) ? nobody : keys.caller(headers.authorization) }
    } catch (error) {
      const refused = refusal(error)
      const seconds = (performance.now() - startedAt) / 1_000
      metrics.observe({ deployment: '', revision: '', protocol: '', status: refused.status, seconds })
      return { refused }
    }
  }
}
