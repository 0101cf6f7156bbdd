import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { createGuardedPost } from './guarded-post.ts'
import { isPublicAddress } from './public-address.ts'

async function receiver(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('addresses of this machine, of private networks and of no place are not public, in any spelling', () => {
  const closed = [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a00:1',
    'fe80::1',
    'fd00::1',
    '2002:7f00:1::1',
    '2001:db8::1',
    'ff02::1',
    'localhost',
    '0177.0.0.1',
    '2130706433',
    '',
  ]
  assert.deepEqual(closed.filter(isPublicAddress), [])
  assert.deepEqual(['8.8.8.8', '192.0.66.2', '2606:4700::1111', '::ffff:8.8.8.8'].filter(isPublicAddress).length, 4)
})

test('what is not https to a public address is refused before anything is sent', async t => {
  const port = await receiver(t, (_, reply) => reply.end('reached'))
  const names: Readonly<Record<string, string[]>> = {
    'rebinding.example': ['8.8.8.8', '127.0.0.1'],
    'gone.example': [],
  }
  const { post, check } = createGuardedPost({ targets: 'public', resolve: async host => names[host] ?? [] })
  const urls = [
    `http://127.0.0.1:${port}/`,
    `https://127.0.0.1:${port}/`,
    `https://2130706433:${port}/`,
    `https://0x7f.1:${port}/`,
    `https://[::ffff:127.0.0.1]:${port}/`,
    `https://rebinding.example:${port}/`,
    'https://gone.example/',
    'https://user:secret@8.8.8.8/',
    'ftp://8.8.8.8/',
    'hook',
    '',
  ]

  for (const url of urls) {
    await assert.rejects(post(url, { headers: {}, body: '' }), { code: 'invalid' }, url)
    await assert.rejects(check(url), { code: 'invalid' }, url)
  }
})

test('the connection goes to the address that was looked at, and a redirect is an answer like any other', async t => {
  const seen: string[] = []
  const port = await receiver(t, (request, reply) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`)
    reply.writeHead(302, { location: 'http://127.0.0.1:1/', 'retry-after': '7' }).end('x'.repeat(10_000))
  })
  let asked = 0
  const { post } = createGuardedPost({
    targets: 'any',
    resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['203.0.113.1']),
  })

  const answer = await post(`http://hook.example:${port}/path?q=1`, { headers: {}, body: 'hello' })

  assert.deepEqual(
    [answer.status, answer.text.length, answer.retryAfter, seen, asked],
    [302, 4_096, '7', [`POST /path?q=1 hook.example:${port}`], 1],
  )
})

test('a receiver that does not answer is given up', async t => {
  const port = await receiver(t, () => {})
  const { post } = createGuardedPost({ targets: 'any', timeoutMs: 50 })

  await assert.rejects(post(`http://127.0.0.1:${port}/`, { headers: {}, body: '' }), /timeout|aborted/i)
})
