import type { IncomingHttpHeaders } from 'node:http'
import { isCrossOrigin, isLoopbackName, isReading } from '#http/origin.ts'
import { pathOf, statusOf } from './call.ts'
import { nobody, type Caller, type KeyRing } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { RequestError } from './request-error.ts'

/** What stands before the body of a request. */
export interface Head {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/**
 * Decides by its head whether a request is read at all: who is not known here sends no bodies. Throws `RequestError`
 * for who stays outside.
 */
export type Door = (head: Head) => Caller

export function createDoor({
  isLocal,
  keys,
  metrics,
  isHealth,
}: {
  /** Listens on a loopback address. */
  isLocal: boolean
  keys: Pick<KeyRing, 'caller'>
  metrics: Pick<Metrics, 'refuse'>
  /** Whether a path is answered to everyone. */
  isHealth(path: string): boolean
}): Door {
  return ({ method = '', url = '/', headers }) => {
    try {
      if (isLocal && !isLoopbackName(headers.host))
        throw new RequestError(
          'forbidden',
          `Host ${headers.host ?? ''} is not this server: it listens on loopback only.`,
        )
      if (!isReading(method) && isCrossOrigin(headers))
        throw new RequestError('forbidden', 'A page of another origin may not ask for a prediction.')
      return isHealth(pathOf(url)) ? nobody : keys.caller(headers.authorization)
    } catch (error) {
      metrics.refuse(statusOf(error))
      throw error
    }
  }
}
