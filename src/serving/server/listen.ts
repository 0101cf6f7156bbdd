import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { originForm, pathOf, refusal, single, withoutPrefix, type Reply } from './call.ts'
import { bodyBytesMax, decoded, encoded, encodingFor, encodings, isDecodable } from './compression.ts'
import type { Door } from './door.ts'
import type { Handler } from './handler.ts'
import { beginCourse, type Course } from './infer.ts'
import { nobody, type Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { badRequest, refusals, RequestError } from './request-error.ts'
import { requestId, type Witness } from './visit.ts'

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
  /** Before the paths of who has one; see `withoutPrefix`. */
  readonly prefix: string
  readonly metrics: Pick<Metrics, 'refuse'>
  readonly witness: Witness
  /** Otherwise than a server has it, for tests. */
  readonly patience?: Patience
}

/** How long a request may take to come, in milliseconds, and how often that is looked at. */
interface Patience {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
}

const usualPatience: Patience = { headersTimeout: 20_000, requestTimeout: 30_000, connectionsCheckingInterval: 30_000 }

/**
 * The HTTP edge of the model server, on node:http alone: a framework costs as much as the rest of a
 * request. Content-Type is not looked at, as clients of the protocol send none. `at` is an address, or the listening
 * socket of the process that this one takes over from.
 */
export async function listenHttp(
  { door, handler, prefix, metrics, witness, patience = usualPatience }: HttpEdge,
  at: { host: string; port: number } | NetServer,
): Promise<ModelHttp> {
  let isDraining = false
  const server = createServer(
    { maxHeaderSize: 16_384, keepAliveTimeout: 75_000, noDelay: true, ...patience },
    (request, response) => {
      const { headers, url = '/' } = request
      request.url = withoutPrefix(originForm(url), prefix)
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
        return finish(visit, refusal(error, visit.id), true)
      }
      readBody(request, (unread, body) => (unread ? refuse(visit, unread) : void respond(visit, body)))
    },
  )

  async function respond(visit: Exchange, body: Buffer): Promise<void> {
    try {
      finish(visit, await answer(handler, visit, body), isDraining)
    } catch (error) {
      refuse(visit, error)
    }
  }

  function refuse(visit: Exchange, error: unknown): void {
    const reply = refusal(error, visit.id)
    metrics.refuse(reply.status)
    finish(visit, reply, true)
  }

  function finish(visit: Exchange, reply: Reply, close: boolean): void {
    const { response, id } = visit
    const isGone = response.destroyed
    send(response, reply, { id, close })
    if (reply.parts && !isGone)
      return void pipeline(reply.parts, response).then(
        () => tell(witness, visit, { reply, isGone: false }),
        () => tell(witness, visit, { reply, isGone: true }),
      )
    reply.parts?.destroy()
    tell(witness, visit, { reply, isGone })
  }

  server.on('clientError', (error, socket) => {
    const unread = notHttp((error as { code?: string }).code)
    metrics.refuse(unread.status)
    if (socket.writable) socket.end(rawReply(unread, requestId(undefined)))
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

/** Why a connection is closed on which no request could be read, by the code of node:http. */
function notHttp(code = ''): RequestError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new RequestError('timed_out', 'The request did not come within 30 s, or its headers within 20 s.')
  if (code === 'HPE_HEADER_OVERFLOW')
    return new RequestError('headers_too_large', 'The headers are larger than 16384 bytes.')
  return badRequest('This is not HTTP/1.1.')
}

/** The bytes of an answer where there is no request to answer. */
function rawReply(error: RequestError, id: string): string {
  const { status, body } = refusal(error, id)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${body.length}`,
    `x-request-id: ${id}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body.toString()}`
}

const tooLarge = (): RequestError => new RequestError('too_large', `The body is larger than ${bodyBytesMax} bytes.`)
const inPieces = (): RequestError => new RequestError('too_large', 'The body comes in too many pieces.')
const encodedOtherwise = (): RequestError =>
  new RequestError(
    'unsupported',
    `Content-Encoding: bodies may be compressed with ${encodings}, and with nothing else.`,
    { headers: { 'accept-encoding': encodings } },
  )

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

/** Tells of a request that is over. */
function tell(
  witness: Witness,
  { request, id, course, caller }: Exchange,
  { reply, isGone }: { reply: Reply; isGone: boolean },
): void {
  const status = isGone ? refusals.client_gone.status : reply.status
  const endedAt = performance.now()
  if (!witness.wants(status, endedAt - course.startedAt)) return
  const refusal = reply.status >= 400 ? reply.body.toString() : undefined
  witness.tell({ id, ...headOf(request), caller: caller.name, course, status, refusal, endedAt })
}

/** Around the handler, what is of the transport alone: compression. */
async function answer(
  handler: Handler,
  { request, response, id, course, caller }: Exchange,
  body: Buffer,
): Promise<Reply> {
  const { method = '', url = '/', headers } = request
  const encoding = headers['content-encoding']
  const plain = encoding !== undefined && isDecodable(encoding) ? await decoded(body, encoding) : body
  const gone = (): AbortSignal => goneOf(response)
  const reply = await handler({ id, method, path: pathOf(url), headers, body: plain, caller, course, gone })
  const wanted = encodingFor(single(headers['accept-encoding']), reply.body.length)
  if (wanted === undefined) return reply
  const compressed = await encoded(reply.body, wanted)
  return {
    ...reply,
    body: compressed,
    headers: { ...reply.headers, 'content-encoding': wanted, vary: 'accept-encoding' },
  }
}

function goneOf(response: ServerResponse): AbortSignal {
  const going = new AbortController()
  if (response.destroyed) going.abort()
  response.once('close', () => {
    if (!response.writableFinished) going.abort()
  })
  return going.signal
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
function readBody(request: IncomingMessage, done: (refused: RequestError | undefined, body: Buffer) => void): void {
  const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers
  if (encoding !== 'identity' && !isDecodable(encoding)) return done(encodedOtherwise(), nothing)
  if (Number(length) > bodyBytesMax) return done(tooLarge(), nothing)
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= bodyBytesMax && chunks.length < chunksMax) return void chunks.push(chunk)
    for (const event of ['data', 'end', 'error']) request.removeAllListeners(event)
    request.on('error', () => {}).resume()
    done(bytes > bodyBytesMax ? tooLarge() : inPieces(), nothing)
  })
  request.on('end', () => done(undefined, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
  request.on('error', () => done(new RequestError('client_gone', 'The client is gone.'), nothing))
}

function send(
  response: ServerResponse,
  { status, body, type = 'application/json', headers, parts }: Reply,
  { id, close }: { id: string; close: boolean },
): void {
  if (response.destroyed) return
  const bytes = Buffer.byteLength(body)
  const head = ['content-type', type, 'x-request-id', id]
  if (!parts) head.push('content-length', String(bytes))
  if (close) head.push('connection', 'close')
  for (const name in headers) head.push(name, headers[name]!)
  response.writeHead(status, head)
  if (parts) return
  if (response.req.method === 'HEAD') return void response.end()
  // A text of as many bytes as characters is ASCII, which is the same in both encodings, and soonest written in this one.
  response.end(body, body.length === bytes ? 'latin1' : 'utf8')
}
