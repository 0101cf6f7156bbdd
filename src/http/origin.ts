import type { IncomingHttpHeaders } from 'node:http'

/** Where a request comes from and where it thinks it goes: what every HTTP server of the platform asks first. */

const loopback = new Set(['127.0.0.1', 'localhost', '::1'])

/** Whether a server that is bound to this address is reached from its own machine alone. */
export const isLoopback = (host: string): boolean => loopback.has(host)

/** Whether a Host header names the own machine. Another name on a loopback address is DNS rebinding. */
export const isLoopbackName = (header: string | undefined): boolean =>
  loopback.has(
    (header ?? '')
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase(),
  )

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

export const isReading = (method: string): boolean => reading.has(method)

/** Whether a page of another origin sends this. Browsers say so with every request that may change something. */
export function isCrossOrigin(headers: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true
  if (headers.origin === undefined) return false
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host
}
