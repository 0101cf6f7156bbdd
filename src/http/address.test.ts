import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import { urlForOthers } from './address.ts'

const at = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo
const lo = [at('127.0.0.1', true), at('::1', true)]
const card = [at('fe80::1'), at('2001:db8::7'), at('192.0.2.2')]

test('a server that listens everywhere is shown by an address that others can use, any other as it is', () => {
  const shown = (host: string, ...interfaces: NetworkInterfaceInfo[]) =>
    urlForOthers(`http://${host.includes(':') ? `[${host}]` : host}:7071`, host, { some: [...lo, ...interfaces] })

  assert.deepEqual(
    [shown('0.0.0.0', ...card), shown('::', ...card), shown('::', card[0]!, card[1]!), shown('0.0.0.0'), shown('::')],
    [
      'http://192.0.2.2:7071',
      'http://192.0.2.2:7071',
      'http://[2001:db8::7]:7071',
      'http://127.0.0.1:7071',
      'http://[::1]:7071',
    ],
  )
  assert.deepEqual(
    ['10.0.0.9', 'ml.example', '::1'].map(host => shown(host, ...card)),
    ['http://10.0.0.9:7071', 'http://ml.example:7071', 'http://[::1]:7071'],
  )
})
