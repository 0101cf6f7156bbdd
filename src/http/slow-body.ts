import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TrainyardError } from '#kernel/error.ts'

/** So much has to come within one limit, or the end of the body: a sender of single bytes holds a connection no longer. */
const bytesMin = 1_024

interface Body {
  readonly reply: FastifyReply
  /** Bytes of the connection, and the instant at which the last enough of them were there. */
  bytes: number
  at: number
}

/**
 * Ends requests whose body stops coming: buffered or streamed, of any length, each limit has to bring a kibibyte more.
 * A body that waits because we do not read it yet is not late. One timer for all of them; nothing is done for each
 * chunk.
 */
export function endSlowBodies(app: FastifyInstance, limitMs: number): void {
  const open = new Map<FastifyRequest, Body>()
  const timer = setInterval(() => {
    const now = performance.now()
    for (const [request, body] of open) if (isLate(request, body, { now, limitMs })) end(request, body)
  }, limitMs / 4).unref()

  function end(request: FastifyRequest, { reply }: Body): void {
    open.delete(request)
    const { raw } = request
    // Whoever reads the body learns of it as of any connection that breaks off.
    const error = new TrainyardError('timed_out', `The rest of the request did not come within ${limitMs / 1000} s.`)
    if (reply.sent) return void raw.destroy(error)
    reply.raw.once('close', () => raw.destroy())
    void reply.header('connection', 'close').send(error)
    // A sender that reads no answer either is not waited for.
    setTimeout(() => raw.destroy(), limitMs).unref()
  }

  app.addHook('onRequest', async (request, reply) => {
    if (hasBody(request)) open.set(request, { reply, bytes: request.raw.socket.bytesRead, at: performance.now() })
  })
  app.addHook('onResponse', async request => void open.delete(request))
  app.addHook('onRequestAbort', async request => void open.delete(request))
  app.addHook('onClose', async () => clearInterval(timer))
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

function isLate({ raw }: FastifyRequest, body: Body, { now, limitMs }: { now: number; limitMs: number }): boolean {
  const isOurs = raw.complete || raw.destroyed || raw.readableLength >= raw.readableHighWaterMark
  const bytes = raw.socket.bytesRead
  if (isOurs || bytes - body.bytes >= bytesMin) {
    body.bytes = bytes
    body.at = now
  }
  return now - body.at >= limitMs
}
