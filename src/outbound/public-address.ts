import { BlockList, isIP } from 'node:net'

/** Whether an IP address is one of the open internet: nothing of this machine, this network or of no place at all. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !closed4.check(address)
  if (version !== 6) return false
  const inner = embedded(address)
  if (inner !== undefined) return !closed4.check(inner)
  return open6.check(address, 'ipv6') && !closed6.check(address, 'ipv6')
}

/** IANA's registries of special-purpose addresses [RFC 6890 and its updates]. */
const closed4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
])
const open6 = blockList('ipv6', [['2000::', 3]])
const closed6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
])
const mapped = blockList('ipv6', [['::ffff:0:0', 96]])
const nat64 = blockList('ipv6', [['64:ff9b::', 96]])

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, family)
  return list
}

/** The IPv4 address that an IPv6 one stands for: in its last 32 bits, mapped or translated [RFC 4291, RFC 6052]. */
function embedded(address: string): string | undefined {
  if (!mapped.check(address, 'ipv6') && !nat64.check(address, 'ipv6')) return undefined
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  if (dotted) return dotted
  const [high = 0, low = 0] = address
    .split(':')
    .slice(-2)
    .map(part => Number.parseInt(part || '0', 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
