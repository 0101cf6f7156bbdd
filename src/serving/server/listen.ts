import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'
import { pathOf, refusal, single, type Reply } from './call.ts'
import { bodyBytesMax, decoded, encoded, encodingFor, encodings, isDecodable } from './compression.ts'
import type { Door } from './door.ts'
import type { Handler } from './handler.ts'
import { beginCourse, type Course } from './infer.ts'
import { nobody, type Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { requestId, type Tell } from './visit.ts'

export interface ModelHttp {
  readonly port: number
  /** The listening socket, for a process that takes over. */
  readonly socket: NetServer
  /** Takes no more connections, answers what has begun, and resolves when all connections are gone. */
  drain(): Promise<void>
}

export interface HttpEdge {
  readonly door: Door
  readonly handler: Handler
  readonly metrics: Pick<Metrics, 'refuse'>
  /** Told of each request that is over, when anybody wants to know. */
  readonly tell: Tell | undefined
}

/**
 * The HTTP edge of the model server, on node:http alone: a framework costs as much as the rest of a request (specs/5,
 * 3.4). Content-Type is not looked at, as clients of the protocol send none. `at` is an address, or the listening
 * socket of the process that this one takes over from.
 */
export async function listenHttp(
  { door, handler, metrics, tell }: HttpEdge,
  at: { host: string; port: number } | NetServer,
): Promise<ModelHttp> {
  let isDraining = false
  const server = createServer(
    { maxHeaderSize: 16_384, keepAliveTimeout: 75_000, headersTimeout: 20_000, requestTimeout: 30_000, noDelay: true },
    (request, response) => {
      const { headers } = request
      const visit: Exchange = {
        request,
        response,
        id: requestId(single(headers['x-request-id'])),
        course: beginCourse(),
        caller: nobody,
      }
      try {
        visit.caller = door(request)
      } catch (error) {
        return finish(visit, refusal(error), true)
      }
      readBody(request, (unread, body) => (unread ? refuse(visit, unread) : void respond(visit, body)))
    },
  )

  async function respond(visit: Exchange, body: Buffer): Promise<void> {
    try {
      finish(visit, await answer(handler, visit, body), isDraining)
    } catch (error) {
      refuse(visit, refusal(error))
    }
  }

  function refuse(visit: Exchange, reply: Reply): void {
    metrics.refuse(reply.status)
    finish(visit, reply, true)
  }

  function finish({ request, response, id, course, caller }: Exchange, reply: Reply, close: boolean): void {
    send(response, reply, { id, close })
    if (!tell) return
    const endedAt = performance.now()
    tell({ id, ...headOf(request), caller: caller.name, course, status: reply.status, endedAt })
  }

  server.on('clientError', (error, socket) => {
    const { status, text } = notHttp((error as { code?: string }).code)
    metrics.refuse(status)
    if (socket.writable) socket.end(text)
    else socket.destroy()
  })
  await start(server, at)
  return {
    port: (server.address() as AddressInfo).port,
    socket: server,
    drain() {
      isDraining = true
      return new Promise(resolve => {
        // Not http's own close, which would cut idle connections at once, and with them a request that is just arriving.
        NetServer.prototype.close.call(server, () => resolve())
        setTimeout(() => server.closeIdleConnections(), idleGraceMs)
      })
    },
  }
}

/** How long a kept connection may still send a request after draining began. */
const idleGraceMs = 1_000

/** What is said to a connection on which no request could be read, by the code of node:http. */
function notHttp(code = ''): { status: number; text: string } {
  const [status, error] = unreadable[code] ?? [400, 'This is not HTTP/1.1.']
  const body = JSON.stringify({ error })
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json`
  return { status, text: `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}` }
}

const unreadable: Readonly<Record<string, readonly [status: number, error: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come within 30 s, or its headers within 20 s.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than 16384 bytes.'],
}

const problem = (status: number, error: string): Reply => ({ status, body: JSON.stringify({ error }) })
const tooLarge = problem(413, `The body is larger than ${bodyBytesMax} bytes.`)
const inPieces = problem(413, 'The body comes in too many pieces.')
const encodedOtherwise: Reply = {
  ...problem(415, `Content-Encoding: bodies may be compressed with ${encodings}, and with nothing else.`),
  headers: { 'accept-encoding': encodings },
}

const headOf = ({ method = '', url = '/', headers }: IncomingMessage) => ({
  method,
  path: pathOf(url),
  traceparent: single(headers['traceparent']),
  tracestate: single(headers['tracestate']),
})

/** One request, and what becomes of it. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly id: string
  readonly course: Course
  caller: Caller
}

/** Around the handler, what is of the transport alone: compression. */
async function answer(handler: Handler, { request, course, caller }: Exchange, body: Buffer): Promise<Reply> {
  const { method = '', url = '/', headers } = request
  const encoding = headers['content-encoding']
  const plain = encoding !== undefined && isDecodable(encoding) ? await decoded(body, encoding) : body
  const reply = await handler({ method, path: pathOf(url), headers, body: plain, caller, course })
  const wanted = encodingFor(single(headers['accept-encoding']), reply.body.length)
  if (wanted === undefined) return reply
  const compressed = await encoded(reply.body, wanted)
  return {
    ...reply,
    body: compressed,
    headers: { ...reply.headers, 'content-encoding': wanted, vary: 'accept-encoding' },
  }
}

function start(server: Server, at: { host: string; port: number } | NetServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at instanceof NetServer ? at : { ...at, backlog: 1_024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

const nothing = Buffer.alloc(0)
/** Each piece costs a hundred bytes beside its own: 64 MiB in pieces of one byte would be gigabytes. */
const chunksMax = 65_536

/** Reads the whole body, or says why it is not read. */
function readBody(request: IncomingMessage, done: (refused: Reply | undefined, body: Buffer) => void): void {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers
  if (encoding !== 'identity' && !isDecodable(encoding)) return done(encodedOtherwise, nothing)
  if (Number(length) > bodyBytesMax) return done(tooLarge, nothing)
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bodyBytesMax && chunks.length < chunksMax) return void chunks.push(chunk)
    request.removeAllListeners('data').removeAllListeners('end').resume()
    done(bytes > bodyBytesMax ? tooLarge : inPieces, nothing)
  })
  request.on('end', () => done(undefined, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
  // The client is gone: there is nobody to answer.
  request.on('error', () => {})
}

function send(
  response: ServerResponse,
  { status, body, type = 'application/json', headers }: Reply,
  { id, close }: { id: string; close: boolean },
): void {
  if (response.destroyed) return
  const bytes = Buffer.byteLength(body)
  const head = ['content-type', type, 'content-length', String(bytes), 'x-request-id', id]
  if (close) head.push('connection', 'close')
  for (const name in headers) head.push(name, headers[name]!)
  response.writeHead(status, head)
  if (response.req.method === 'HEAD') return void response.end()
  // A text of as many bytes as characters is ASCII, which is the same in both encodings, and soonest written in this one.
  response.end(body, body.length === bytes ? 'latin1' : 'utf8')
}
