import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** One request of git's smart HTTP protocol, already checked against {@link gitRequest}. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The repository's folder. */
  readonly folder: string
  readonly service: Service
  /** Whether this is the first step, in which refs are advertised. */
  readonly advertise: boolean
  /** Who is asking. */
  readonly actor: string
  /** See gitEnvironment. */
  readonly env: Readonly<Record<string, string>>
}

export type Service = 'git-upload-pack' | 'git-receive-pack'

export interface Outcome {
  /** Exit code of git; undefined when it was killed because the client went away. */
  readonly code: number | undefined
  /** The last of what git said on its standard error. */
  readonly said: string
}

const idleMs = 120_000
const graceMs = 2_000
const headBytesMax = 16 * 1024
const saidMax = 4_000

/**
 * Hands the request to `git http-backend` [RFC 3875] and streams the answer back, without ending the response. When the
 * client goes away, or nothing moves for two minutes, git and all its children are ended.
 */
export async function runBackend(exchange: Exchange): Promise<Outcome> {
  const { request, response } = exchange
  const child = spawn('git', ['http-backend'], {
    env: { ...exchange.env, ...cgiVariables(exchange) },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close').catch(() => [undefined])
  let gone = false
  const stop = (): void => {
    gone = true
    endGroup(child)
  }
  const said = listen(child.stderr)
  response.once('close', stop)
  // The server ends a socket that is silent for so long, and sets its own limit again for the next request.
  request.socket.setTimeout(idleMs)
  try {
    // Git may answer without reading to the end; a pipe that it closed is no error.
    const sending = pipeline(request, child.stdin).catch(() => {})
    await answer(child.stdout, response)
    request.resume()
    await sending
  } catch {
    stop()
  }
  const [code] = (await closed) as [number | null | undefined]
  response.off('close', stop)
  return { code: gone ? undefined : (code ?? undefined), said: said() }
}

function cgiVariables({ request, folder, service, advertise, actor }: Exchange): Record<string, string> {
  const header = (name: string): string => String(request.headers[name] ?? '')
  const protocol = header('git-protocol')
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_METHOD: advertise ? 'GET' : 'POST',
    GIT_HTTP_EXPORT_ALL: '1',
    // Both from our own records, neither from the URL.
    PATH_TRANSLATED: `${folder}/${advertise ? 'info/refs' : service}`,
    PATH_INFO: `/${advertise ? 'info/refs' : service}`,
    QUERY_STRING: advertise ? `service=${service}` : '',
    CONTENT_TYPE: advertise ? '' : `application/x-${service}-request`,
    // CONTENT_LENGTH stays unset: the end of the stream is the end, also of chunked and compressed bodies.
    ...(/gzip/.test(header('content-encoding')) ? { HTTP_CONTENT_ENCODING: 'gzip' } : {}),
    ...(/^version=[012](?::version=[012])*$/.test(protocol) ? { GIT_PROTOCOL: protocol } : {}),
    REMOTE_USER: actor,
    REMOTE_ADDR: request.socket.remoteAddress ?? '',
  }
}

/** Reads CGI headers to the blank line, wherever `Status` stands among them, then streams the rest. */
async function answer(output: Readable, response: ServerResponse): Promise<void> {
  let head = Buffer.alloc(0)
  for await (const chunk of output.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    head = Buffer.concat([head, chunk])
    const blank = /\r?\n\r?\n/.exec(head.toString('latin1'))
    if (blank) {
      sendHead(head.toString('latin1', 0, blank.index), response)
      const rest = head.subarray(blank.index + blank[0].length)
      if (rest.length > 0) response.write(rest)
      return pipeline(output, response, { end: false })
    }
    if (head.length > headBytesMax) break
  }
  response.writeHead(500, { 'content-type': 'text/plain' })
  response.write('git gave no answer.\n')
}

function sendHead(text: string, response: ServerResponse): void {
  let status = 200
  for (const line of text.split(/\r?\n/)) {
    const [name, value] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10) || 500
    else if (name !== '') response.appendHeader(name, value)
  }
  response.setHeader('x-content-type-options', 'nosniff')
  response.writeHead(status)
}

function listen(stream: Readable): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-saidMax)
  })
  return () => text.trim()
}

/** Asks first, so that git removes the half of a push that it has written; then insists. */
function endGroup(child: ChildProcessByStdio<Writable, Readable, Readable>): void {
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch {
      // The group has ended by itself.
    }
  }
  signal('SIGTERM')
  const insist = setTimeout(() => signal('SIGKILL'), graceMs)
  child.once('close', () => {
    clearTimeout(insist)
    signal('SIGKILL')
  })
}

/** A URL below `/git/` as the protocol knows it. */
export interface GitRequest {
  readonly project: string
  readonly service: Service
  readonly advertise: boolean
}

const path = /^\/git\/([a-z][a-z0-9-]{0,62})\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/

/** What a method and URL ask for; `dumb` for the old protocol, which is not spoken; undefined for anything else. */
export function gitRequest(method: string, url: string): GitRequest | 'dumb' | undefined {
  const [where = '', query = ''] = url.split(/\?(.*)/s)
  const [, project, step] = path.exec(where) ?? []
  if (project === undefined || step === undefined) return undefined
  if (step !== 'info/refs')
    return method === 'POST' && query === '' ? { project, service: step as Service, advertise: false } : undefined
  if (method !== 'GET') return undefined
  const service = /^service=(git-upload-pack|git-receive-pack)$/.exec(query)?.[1]
  return service === undefined ? 'dumb' : { project, service: service as Service, advertise: true }
}

/** The project that an address of git is about; undefined for anything else. */
export const projectOfAddress = (url: string): string | undefined => path.exec(url.split('?')[0]!)?.[1]
