import { networkInterfaces } from 'node:os'

const everywhere = new Set(['0.0.0.0', '::'])

/**
 * A server's URL as others reach it. Of one that listens on every address, which is an address of nothing, that is by the
 * first of this machine's own that others can reach; on a machine without one only the loopback address is left.
 */
export function urlForOthers(url: string, host: string, interfaces = networkInterfaces()): string {
  if (!everywhere.has(host)) return url
  const addresses = Object.values(interfaces).flatMap(list => list ?? [])
  // IPv6's link-local ones mean something on one link alone.
  const outward = addresses.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
  const found = outward.find(({ family }) => family === 'IPv4') ?? (host === '::' ? outward[0] : undefined)
  const address = found?.address ?? (host === '::' ? '::1' : '127.0.0.1')
  const reached = new URL(url)
  reached.hostname = address.includes(':') ? `[${address}]` : address
  return reached.href.replace(/\/$/, '')
}
