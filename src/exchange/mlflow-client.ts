import { setTimeout as sleep } from 'node:timers/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { sha256In } from '#kernel/content-digest.ts'
import { TrainyardError, messageOf } from '#kernel/error.ts'
import { parseExactly } from '#kernel/json.ts'
import { createMeter } from '#storage'
import { otherBytes } from './promised.ts'

/** Speaks to an MLflow server, whoever wrote it. */
export interface MlflowClient {
  /** Where it is, without what logs in. */
  readonly address: string
  /** Paths are below `/api/2.0/mlflow`, or, if they begin with a slash, below the server's root. */
  get<Answer>(path: string, query: Readonly<Record<string, string | number | undefined>>): Promise<Answer>
  post<Answer>(path: string, body: unknown): Promise<Answer>
  /** The bytes at a path of the server, below its root. They fail at their end if they are not what it promised. */
  bytes(path: string): Promise<Readable>
}

export interface MlflowAccess {
  readonly url: string
  readonly token?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly signal?: AbortSignal
}

const tries = 4
const api = '/api/2.0/mlflow'

/** Log-in may also stand in the URL. Failures of the network and of a busy server are tried again, with patience. */
export function createMlflowClient({ url, token, user, password, signal }: MlflowAccess): MlflowClient {
  const parsed = new URL(url)
  const name = user ?? decodeURIComponent(parsed.username)
  const secret = password ?? decodeURIComponent(parsed.password)
  parsed.username = ''
  parsed.password = ''
  const root = parsed.href.replace(/\/$/, '')
  const authorization: Record<string, string> = token
    ? { authorization: `Bearer ${token}` }
    : name === ''
      ? {}
      : { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` }

  async function send(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...authorization, ...(init.headers as Record<string, string>) }
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(`${root}${path}`, { ...init, headers, ...(signal && { signal }) }).catch(
        (error: unknown) => error as Error,
      )
      const isLast = attempt === tries || signal?.aborted === true
      if (answer instanceof Error) {
        if (isLast)
          throw new TrainyardError('unavailable', `No server answers at ${root}: ${messageOf(answer.cause ?? answer)}`)
      } else if (answer.status < 500 && answer.status !== 429) return answer
      else {
        const refused = await refusal(answer, path)
        if (isLast || refused.code !== 'unavailable') throw refused
      }
      await sleep(250 * 4 ** attempt)
    }
  }

  const placeOf = (path: string): string => (path.startsWith('/') ? path : `${api}/${path}`)

  async function json<Answer>(path: string, init: RequestInit): Promise<Answer> {
    const response = await send(path, init)
    if (!response.ok) throw await refusal(response, path)
    return parseExactly(await response.text(), name => name === 'step') as Answer
  }

  return {
    address: root,
    get(path, query) {
      const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]))
      return json(`${placeOf(path)}?${new URLSearchParams(given).toString()}`, {})
    },
    post: (path, body) =>
      json(placeOf(path), {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    async bytes(path) {
      const response = await send(path, {})
      if (!response.ok) throw await refusal(response, path)
      const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as ReadableStream)
      const promised = sha256In(response.headers.get('content-digest'))
      const { through } = createMeter({ refuse: found => otherBytes(path, promised, found) })
      return body.on('error', error => through.destroy(error)).pipe(through)
    },
  }
}

async function refusal(response: Response, path: string): Promise<TrainyardError> {
  const text = await response.text()
  const { status } = response
  return new TrainyardError(
    codeOf(status, text),
    `The MLflow server answered ${status} to ${path.split('?')[0]}: ${text.slice(0, 300)}`,
  )
}

function codeOf(status: number, text: string): 'not_found' | 'unauthorized' | 'forbidden' | 'invalid' | 'unavailable' {
  // A server of a file store answers 500 to what such a store has not.
  if (status === 404 || /"error_code": ?"(FEATURE_DISABLED|NOT_IMPLEMENTED)"/.test(text)) return 'not_found'
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  return status < 500 && status !== 429 ? 'invalid' : 'unavailable'
}
