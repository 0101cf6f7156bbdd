/** One thing wrong with what was sent. */
interface ProblemLine {
  readonly field: string
  readonly value?: unknown
  readonly allowed: string
}

/** An error answer of the API [RFC 9457]: a sentence, and what is wrong with each field. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly type: string
  readonly problems: readonly ProblemLine[]

  constructor({
    status,
    type,
    title,
    problems,
  }: {
    status: number
    type: string
    title: string
    problems: readonly ProblemLine[]
  }) {
    super(title)
    this.status = status
    this.type = type
    this.problems = problems
  }
}

const prefix = '/api/v1'

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => getFrom<T>(prefix + path, signal)

/** From a path outside of the API of pages: MLflow's. */
export const getFrom = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>(path, signal ? { signal } : {})

export const post = <T>(path: string, body: object = {}): Promise<T> => send<T>('POST', path, body)
export const patch = <T>(path: string, body: object): Promise<T> => send<T>('PATCH', path, body)

const send = <T>(method: string, path: string, body: object): Promise<T> =>
  call<T>(prefix + path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

/** `?a=1&b=2` of what is defined. */
export function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== '')
  return pairs.length === 0
    ? ''
    : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString()}`
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch((cause: unknown) => {
    if (init.signal?.aborted) throw cause
    throw new Problem({
      status: 0,
      type: 'offline',
      title: 'The server does not answer. Is `trainyard start` running?',
      problems: [],
    })
  })
  const json: unknown = await response.json().catch(() => ({}))
  if (!response.ok) throw problemOf(response.status, json as Partial<Problem> & { title?: string })
  return json as T
}

const problemOf = (
  status: number,
  body: { type?: string; title?: string; message?: string; problems?: readonly ProblemLine[] },
): Problem =>
  new Problem({
    status,
    type: body.type ?? 'unknown',
    title: body.title ?? body.message ?? `The server answered ${status}.`,
    problems: body.problems ?? [],
  })
