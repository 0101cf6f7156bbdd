import assert from 'node:assert/strict'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { createApp, type App } from './app.ts'

/** Long enough for a machine that is busy with other things. */
const limitMs = 1_500

/** Sends what a raw socket is told, and hears all that comes back until the connection ends. */
async function open(t: TestContext) {
  const app = await createApp({ version: '0', bodyTimeoutMs: limitMs })
  t.after(() => app.close())
  let broken = 0
  app.post('/json', { schema: { body: z.object({ a: z.string() }) } }, async ({ body }) => ({ length: body.a.length }))
  await app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_, payload, done) => done(null, payload))
    scope.put('/stream', async ({ body }) => {
      let length = 0
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) length += chunk.length
      } catch (error) {
        broken++
        throw error
      }
      return { length }
    })
  })
  app.get('/slow', async () => {
    await sleep(limitMs * 2.5)
    return { ok: true }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const begin = (head: string): { socket: Socket; answer: Promise<string> } => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`${head}\r\nhost: test\r\n`)
    let heard = ''
    socket.on('data', chunk => (heard += String(chunk)))
    // Whoever sends on to a connection that has been closed is reset; what it has heard until then is its answer.
    socket.on('error', () => {})
    return { socket, answer: new Promise<string>(resolve => void socket.once('close', () => resolve(heard))) }
  }
  return { app, begin, broken: () => broken }
}

const statusOf = (answer: string): string => answer.split('\r\n')[0]!

test('a body that stops coming is ended with a reason, buffered or streamed', async t => {
  const { begin, broken } = await open(t)
  const buffered = begin('POST /json HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 100')
  buffered.socket.write('\r\n{"a":')
  const streamed = begin('PUT /stream HTTP/1.1\r\ntransfer-encoding: chunked')
  streamed.socket.write('\r\n5\r\nhello\r\n')

  const answers = await Promise.all([buffered.answer, streamed.answer])

  assert.deepEqual(answers.map(statusOf), ['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout'])
  for (const answer of answers) assert.match(answer, /"\/errors\/timed_out"/)
  assert.equal(broken(), 1)
})

test('a sender of single bytes is ended too, and headers that stop coming', async t => {
  const { begin } = await open(t)
  const drip = begin('PUT /stream HTTP/1.1\r\ncontent-length: 100000')
  drip.socket.write('\r\n')
  const dripping = setInterval(() => drip.socket.write('x'), limitMs / 8)
  const headers = begin('PUT /stream HTTP/1.1\r\nx-a: b')

  const answers = await Promise.all([drip.answer, headers.answer])

  clearInterval(dripping)
  assert.deepEqual(answers.map(statusOf), ['HTTP/1.1 408 Request Timeout', 'HTTP/1.1 408 Request Timeout'])
})

test('a body that keeps coming, however long it takes, and an answer that takes its time, are not ended', async t => {
  const { begin } = await open(t)
  const parts = 5
  const steady = begin(`PUT /stream HTTP/1.1\r\nconnection: close\r\ncontent-length: ${parts * 2_000}`)
  steady.socket.write('\r\n')
  const slow = begin('GET /slow HTTP/1.1\r\nconnection: close')
  slow.socket.write('\r\n')
  for (let n = 0; n < parts; n++) {
    steady.socket.write('x'.repeat(2_000))
    await sleep(limitMs / 2)
  }

  const answers = await Promise.all([steady.answer, slow.answer])

  assert.deepEqual(answers.map(statusOf), ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'])
  assert.match(answers[0]!, /\{"length":10000\}/)
})

test('a request that is not whole does not hold up the end of the server', async t => {
  const { app, begin } = await open(t)
  const headers = begin('PUT /stream HTTP/1.1\r\nx-a: b')
  const body = begin('PUT /stream HTTP/1.1\r\ncontent-length: 100')
  body.socket.write('\r\nhello')
  while ((await connectionsOf(app)) < 2) await sleep(1)

  await app.close()

  assert.deepEqual(await Promise.all([headers.answer, body.answer]), ['', ''])
})

const connectionsOf = ({ server }: Pick<App, 'server'>): Promise<number> =>
  promisify(server.getConnections.bind(server))()
