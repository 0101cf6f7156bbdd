import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '#http'
import { invalid, TrainyardError } from '#kernel/error.ts'
import { experimentResource } from '#tracking'
import { toMlflowProblem } from './problem.ts'
import type { TraceCallParts } from './traces.ts'

/** As it comes, and after unpacking: a few kilobytes of gzip may claim to be gigabytes. */
const bodyBytesMax = 16 * 1024 * 1024
const unpackedBytesMax = 64 * 1024 * 1024

/**
 * OpenTelemetry's own way in [OTLP/HTTP 1.x, binary protobuf]: `POST /v1/traces` with the experiment in a header. Every
 * refusal is `{"detail": …}`: 400 for what cannot be read, 422 for what cannot be kept, so that exporters give up.
 */
export const otlpStreams =
  ({ traces, experiments }: TraceCallParts) =>
  (scope: App): void => {
    scope.route({
      method: 'POST',
      url: '/v1/traces',
      config: { role: 'viewer', project: 'caller' } as object,
      schema: { hide: true } as object,
      errorHandler: refuse,
      async handler(request, reply) {
        const { headers } = request
        requireProtobuf(headers['content-type'])
        const id = headerOf(headers, 'x-mlflow-experiment-id')
        if (id === undefined) throw new TrainyardError('data_broken', 'The header x-mlflow-experiment-id is required.')
        await request.permit('edit', experiments.get(id).then(experimentResource))
        const run = headerOf(headers, 'x-mlflow-run-id')
        if (run !== undefined) await request.permit('edit', traces.experimentOfRun(run).then(experimentResource))
        const sent = await bytesOf(request.body as Readable | undefined)
        await traces.ingest(id, await unpacked(sent, headers['content-encoding']), run)
        return reply.type('application/x-protobuf').send(Buffer.alloc(0))
      },
    })
  }

function requireProtobuf(type: string | undefined): void {
  if (type?.split(';')[0]?.trim().toLowerCase() !== 'application/x-protobuf')
    throw invalid(`Invalid Content-Type: ${type ?? 'none'}. Expected: application/x-protobuf`)
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

async function bytesOf(body: Readable | undefined): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += (chunk as Buffer).length
      if (bytes > bodyBytesMax) throw invalid(`The body is too large: ${bodyBytesMax} bytes are allowed.`)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'ECONNRESET') throw invalid('The body was cut off.')
    throw error
  }
  return Buffer.concat(chunks)
}

/** What unpacks to more than this has to wait for others like it: many at once would fill the memory. */
const unpackedAtOnceBytesMax = 1024 * 1024

const unpackers = {
  gzip: promisify<Buffer, object, Buffer>(gunzip),
  deflate: promisify<Buffer, object, Buffer>(inflate),
}

async function unpacked(bytes: Buffer, encoding = 'identity'): Promise<Buffer> {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity' || name === '') return bytes
  if (name !== 'gzip' && name !== 'deflate')
    throw invalid(`The Content-Encoding ${encoding} is not known; gzip, deflate or none is allowed.`)
  const unpack = (maxOutputLength: number): Promise<Buffer | undefined> =>
    unpackers[name](bytes, { maxOutputLength }).catch((error: { code?: string }) => {
      if (error.code === 'ERR_BUFFER_TOO_LARGE') return undefined
      throw invalid(`Failed to decompress ${name} payload.`)
    })
  const plain = (await unpack(unpackedAtOnceBytesMax)) ?? (await inTurn(() => unpack(unpackedBytesMax)))
  if (plain) return plain
  throw invalid(`The body is too large: ${unpackedBytesMax} bytes are allowed when unpacked.`)
}

let turn: Promise<unknown> = Promise.resolve()

/** One after the other. */
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const result = turn.then(work, work)
  turn = result
  return result
}

/** Exporters repeat what is answered 429 or 502 to 504: nothing that is their own mistake is. */
function refuse(error: FastifyError | TrainyardError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message } = toMlflowProblem(error, request.log)
  const kept = error instanceof TrainyardError && ['data_broken', 'not_found', 'conflict'].includes(error.code)
  return reply
    .code(kept ? 422 : status)
    .type('application/json')
    .serializer(JSON.stringify)
    .send({ detail: message })
}
