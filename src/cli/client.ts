import { Readable } from 'node:stream'
import { TrainyardError, type ErrorCode } from '#kernel/error.ts'

/** Where the server is and how to speak to it. Every command is a client of the HTTP API and knows nothing else. */
export interface Client {
  readonly server: string
  get<Answer>(path: string): Promise<Answer>
  send<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer>
  /** Sends bytes as they are. */
  upload<Answer>(path: string, body: Blob | Readable): Promise<Answer>
  /** Sends bytes that some protocol has made, under its headers. */
  postBytes(path: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void>
  /** The bytes of an answer, as they come. */
  download(path: string): Promise<ReadableStream<Uint8Array>>
  /** A file with the name that the server gives it. */
  attachment(path: string): Promise<{ name: string; bytes: Uint8Array }>
  /** Speaks to another server than the platform's: the model server. */
  post<Answer>(url: string, body: unknown): Promise<Answer>
}

/** Throws what the server answered: `unavailable` when there is none, otherwise the problem's code and words. */
export function createClient({ server, token }: { server: string; token?: string | undefined }): Client {
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}

  async function call<Answer>(url: string, init: RequestInit): Promise<Answer> {
    const { response, text } = await exchange(url, {
      ...init,
      headers: { ...authorization, ...(init.headers as Record<string, string>) },
    }).catch(error => {
      throw new TrainyardError(
        'unavailable',
        `No server answers at ${new URL(url).origin}. Start one with: trainyard start`,
        {},
        { cause: error },
      )
    })
    const body: unknown = text === '' ? undefined : parse(text)
    if (response.ok) return body as Answer
    throw fromProblem(response.status, body)
  }

  const json = (body: unknown): RequestInit =>
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }

  return {
    server,
    get: path => call(`${server}${path}`, {}),
    send: (method, path, body) => call(`${server}${path}`, { method, ...json(body) }),
    upload: (path, body) =>
      call(`${server}${path}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        ...(body instanceof Readable ? { body: Readable.toWeb(body) as ReadableStream, duplex: 'half' } : { body }),
      }),
    postBytes: (path, body, headers) =>
      call(`${server}${path}`, { method: 'POST', headers, body: new Uint8Array(body) }),
    async download(path) {
      const response = await fetch(`${server}${path}`, { headers: authorization })
      if (response.ok && response.body) return response.body
      throw fromProblem(response.status, parse(await response.text()))
    },
    async attachment(path) {
      const response = await fetch(`${server}${path}`, { headers: authorization })
      if (!response.ok) throw fromProblem(response.status, parse(await response.text()))
      const [, name = 'download'] = /filename="([^"/]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? []
      return { name, bytes: new Uint8Array(await response.arrayBuffer()) }
    },
    post: (url, body) => call(url, { method: 'POST', ...json(body) }),
  }
}

/** An answer is one when all of it is here: a server may die in the middle of it. */
async function exchange(url: string, init: RequestInit): Promise<{ response: Response; text: string }> {
  const response = await fetch(url, init)
  return { response, text: await response.text() }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { title: text.slice(0, 300) }
  }
}

function fromProblem(status: number, body: unknown): TrainyardError {
  const { type, title, error, ...detail } = (body ?? {}) as { type?: string; title?: string; error?: string }
  const code = (type?.split('/').at(-1) ??
    (status === 404 ? 'not_found' : status >= 500 ? 'unavailable' : 'invalid')) as ErrorCode
  return new TrainyardError(code, title ?? error ?? `The server answered ${status}.`, detail)
}
