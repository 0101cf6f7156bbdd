import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { nobody } from './key-ring.ts'
import { listenHttp } from './listen.ts'

const requestTimeout = 400

/** What a server that waits for less says to whoever sends this, and the statuses that it counts. */
async function told(t: TestContext, text: string): Promise<{ answer: string; counted: readonly number[] }> {
  const counted: number[] = []
  const { port, drain } = await listenHttp(
    {
      door: () => nobody,
      handler: async () => ({ status: 200, body: 'whole' }),
      prefix: '',
      metrics: { refuse: status => void counted.push(status) },
      witness: { wants: () => false, tell: () => {} },
      patience: { headersTimeout: 200, requestTimeout, connectionsCheckingInterval: 50 },
    },
    { host: '127.0.0.1', port: 0 },
  )
  t.after(drain)
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => (answer += String(chunk)))
  socket.write(text)
  await once(socket, 'close')
  return { answer, counted }
}

const head = (...lines: readonly string[]): string =>
  ['POST /v2/models/rain/infer HTTP/1.1', 'host: a', ...lines].join('\r\n')

for (const [what, text] of [
  ['headers', head('x-half: ')],
  ['body', head('content-length: 100', '', '{"inputs":')],
] as const)
  test(`a request whose ${what} do not come in time is refused with 408, in words, and counted`, async t => {
    const { answer, counted } = await told(t, text)
    const [headers, body] = answer.split('\r\n\r\n')
    const { request_id: id, ...said } = JSON.parse(body!) as Record<string, string>

    assert.match(headers!, /^HTTP\/1\.1 408 Request Timeout\r\nconnection: close\r\n/)
    assert.match(headers!, new RegExp(`\r\nx-request-id: ${id}$`))
    assert.deepEqual(
      [said, counted],
      [{ error: 'The request did not come within 30 s, or its headers within 20 s.', code: 'timed_out' }, [408]],
    )
  })

test('an address with scheme and host before it is that of the path, as of an origin', async t => {
  const { port, drain } = await listenHttp(
    {
      door: () => nobody,
      handler: async ({ path }) => ({ status: 200, body: path }),
      prefix: '/base',
      metrics: { refuse: () => {} },
      witness: { wants: () => false, tell: () => {} },
    },
    { host: '127.0.0.1', port: 0 },
  )
  t.after(drain)
  const asked = async (path: string) => {
    const [answer] = (await once(request({ port, path, agent: false }).end(), 'response')) as [IncomingMessage]
    return textOf(answer)
  }

  assert.deepEqual(
    [await asked('http://a.example/base/v2/models?x=1'), await asked('HTTPS://a.example:80/v2'), await asked('/v2')],
    ['/v2/models', '/v2', '/v2'],
  )
})
