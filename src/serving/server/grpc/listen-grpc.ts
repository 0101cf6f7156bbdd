import {
  Metadata,
  Server as GrpcServer,
  ServerCredentials,
  ServerInterceptingCall,
  status as code,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerInterceptor,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { problemOf, statusOf } from '../call.ts'
import { bodyBytesMax } from '../compression.ts'
import type { Door } from '../door.ts'
import { beginCourse } from '../infer.ts'
import type { Caller } from '../key-ring.ts'
import { RequestError } from '../request-error.ts'
import { requestId, type Witness } from '../visit.ts'
import type { Hearing } from './infer-message.ts'
import { answers, type MethodParts } from './methods.ts'
import { readMethods, type Method } from './messages.ts'

export interface ModelGrpc {
  readonly port: number
  /** The listening socket, for a process that takes over. */
  readonly socket: NetServer
  /** Takes no more connections, answers what has begun, and resolves when all connections are gone. */
  drain(): Promise<void>
}

/** How long calls that have begun may go on, and streams stay open, when the server ends. */
const drainMs = 5_000
/** Requests of one stream that are answered at a time; more are not read. */
const streamRequestsMax = 64

export interface GrpcEdge {
  readonly door: Door
  readonly parts: MethodParts
  /** Told of each request that is over, when anybody wants to know. */
  readonly witness: Witness
}

/**
 * The gRPC edge of the model server. The listening socket is this process' own and its connections are handed on, so
 * that a successor can take it over as it does that of HTTP. `at` is an address, or such a socket.
 */
export async function listenGrpc(
  { door, parts, witness }: GrpcEdge,
  at: { host: string; port: number } | NetServer,
): Promise<ModelGrpc> {
  const callers = new WeakMap<Metadata, Caller>()
  const grpc = new GrpcServer({
    interceptors: [doorman(door, callers)],
    'grpc.max_receive_message_length': bodyBytesMax,
    'grpc.max_send_message_length': bodyBytesMax,
    'grpc.max_metadata_size': 16_384,
  })
  const methods = readMethods()
  for (const service of new Set(methods.map(({ path }) => path.slice(0, path.lastIndexOf('/')))))
    addService(grpc, { methods: methods.filter(({ path }) => path.startsWith(`${service}/`)), parts, callers, witness })
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  const socket = createServer({ noDelay: true }, connection => {
    connection.on('error', () => connection.destroy())
    injector.injectConnection(connection)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.listen('host' in at ? { ...at, backlog: 1_024 } : at, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return {
    port: (socket.address() as AddressInfo).port,
    socket,
    drain: () =>
      new Promise(resolve => {
        socket.close(() => resolve())
        injector.drain(drainMs)
      }),
  }
}

/** Lets in who is known, before a byte of the message is read. */
const doorman =
  (door: Door, callers: WeakMap<Metadata, Caller>): ServerInterceptor =>
  (method, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, go) {
            try {
              callers.set(
                metadata,
                door({ method: 'POST', url: method.path, headers: headersOf(metadata, call.getHost()) }),
              )
              go(metadata)
            } catch (error) {
              call.sendStatus(failureOf(error))
            }
          },
        })
      },
    })

function headersOf(metadata: Metadata, host: string): Record<string, string | undefined> {
  return { host, authorization: firstOf(metadata, 'authorization'), origin: firstOf(metadata, 'origin') }
}

const firstOf = (metadata: Metadata, name: string): string | undefined => metadata.get(name)[0]?.toString()

interface ServiceParts extends Omit<GrpcEdge, 'door'> {
  readonly methods: readonly Method[]
  readonly callers: WeakMap<Metadata, Caller>
}

function addService(grpc: GrpcServer, { methods, parts, callers, witness }: ServiceParts): void {
  const definition: Record<string, ServiceDefinition[string]> = {}
  const implementation: UntypedServiceImplementation = {}
  for (const method of methods) {
    const asIs = (bytes: Buffer): Buffer => bytes
    definition[method.name] = {
      path: method.path,
      requestStream: method.isStream,
      responseStream: method.isStream,
      // Read by who answers, so that bytes which are no message are refused in words.
      requestDeserialize: asIs,
      requestSerialize: asIs,
      responseDeserialize: asIs,
      responseSerialize: asIs,
    }
    const answer: Answering = (bytes, call, hearing) =>
      answered({ parts, method, witness }, { bytes, call, caller: callers.get(call.metadata)!, hearing })
    implementation[method.name] = method.isStream
      ? (call: ServerDuplexStream<Buffer, Buffer>) => answerStream(call, method, answer)
      : async (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          const [error, bytes] = await answer(call.request, call).then(
            ready => [null, ready!] as const,
            (thrown: unknown) => [failureOf(thrown), undefined] as const,
          )
          done(error, bytes)
        }
  }
  grpc.addService(definition, implementation)
}

type Call = Pick<ServerUnaryCall<Buffer, Buffer>, 'metadata' | 'getDeadline'>
type Answering = (bytes: Buffer, call: Call, hearing?: Hearing) => Promise<Buffer | undefined>

interface Message {
  readonly bytes: Buffer
  readonly call: Call
  readonly caller: Caller
  /** Of a stream. */
  readonly hearing: Hearing | undefined
}

async function answered(
  { parts, method, witness }: Omit<GrpcEdge, 'door'> & { method: Method },
  { bytes, call, caller, hearing }: Message,
): Promise<Buffer | undefined> {
  const course = beginCourse()
  let status = 200
  let refusal: string | undefined
  try {
    const request = method.decode(bytes) as never
    const header = (name: string): string | undefined => firstOf(call.metadata, name)
    const asking = { caller, course, wait: () => waitOf(call), header, hearing }
    const answer = await answers[method.name]!(parts, request, asking)
    return answer && method.encode(answer)
  } catch (error) {
    status = statusOf(error)
    refusal = error instanceof RequestError ? error.message : undefined
    throw error
  } finally {
    const endedAt = performance.now()
    if (witness.wants(status, endedAt - course.startedAt))
      witness.tell({ ...headOf(call), path: method.path, caller: caller.name, course, status, refusal, endedAt })
  }
}

const headOf = ({ metadata }: Call) => ({
  id: requestId(firstOf(metadata, 'x-request-id')),
  method: 'POST',
  traceparent: firstOf(metadata, 'traceparent'),
  tracestate: firstOf(metadata, 'tracestate'),
})

/** How much is left of the time that the client gives the call (`grpc-timeout`), in milliseconds. */
function waitOf(call: Call): number | undefined {
  const deadline = Number(call.getDeadline())
  return deadline === Infinity ? undefined : Math.max(1, deadline - Date.now())
}

/** Requests are answered together and told in their order. */
function answerStream(call: ServerDuplexStream<Buffer, Buffer>, method: Method, answer: Answering): void {
  const going = new AbortController()
  call.on('cancelled', () => going.abort())
  const write = (ready: Buffer): void => void (call.cancelled || call.write(ready))
  let told = Promise.resolve()
  let waiting = 0
  call.on('data', (bytes: Buffer) => {
    const early: Buffer[] = []
    let tell = (ready: Buffer): void => void early.push(ready)
    const hearing = { gone: going.signal, hear: (part: object) => tell(method.encode(part)) }
    const answering = answer(bytes, call, hearing).catch((error: unknown) =>
      method.encode({ error_message: problemOf(error).message }),
    )
    if (++waiting >= streamRequestsMax) call.pause()
    told = told.then(async () => {
      early.forEach(write)
      tell = write
      const last = await answering
      if (last) write(last)
      if (--waiting < streamRequestsMax) call.resume()
    })
  })
  call.on('end', () => void told.then(() => call.end()))
  // The client is gone: there is nobody to answer.
  call.on('error', () => {})
}

/** The status of gRPC for each of HTTP. */
const codes: Readonly<Record<number, number>> = {
  400: code.INVALID_ARGUMENT,
  401: code.UNAUTHENTICATED,
  403: code.PERMISSION_DENIED,
  404: code.NOT_FOUND,
  409: code.FAILED_PRECONDITION,
  413: code.RESOURCE_EXHAUSTED,
  429: code.RESOURCE_EXHAUSTED,
  500: code.INTERNAL,
  503: code.UNAVAILABLE,
  504: code.DEADLINE_EXCEEDED,
}

/** With the milliseconds after which a client may try again [gRPC, proposal A6]. */
function failureOf(error: unknown): { code: number; details: string; metadata?: Metadata } {
  const { status, message } = problemOf(error)
  const said = { code: codes[status] ?? code.UNKNOWN, details: message }
  if (!(error instanceof RequestError && error.shed)) return said
  const metadata = new Metadata()
  metadata.set('grpc-retry-pushback-ms', String(error.shed.retryAfterS * 1_000))
  return { ...said, metadata }
}
