/** Why a request is turned away that nothing is wrong with: too many rows wait, its time is too short, too many of its client's. */
export type ShedReason = 'queue' | 'deadline' | 'rate'

/** What the model server answers in place of a prediction: its status, and what it means. docs/errors.md is printed from here. */
export const refusals = {
  invalid: { status: 400, meaning: 'The sentence names the input, the row, the value and what is allowed.' },
  unauthorized: { status: 401, meaning: 'A token is required, or the one that was sent is unknown or expired.' },
  forbidden: { status: 403, meaning: 'The token is known and does not allow this; or a page of another origin asks.' },
  not_found: { status: 404, meaning: 'There is no such deployment, revision, request or path for whoever asks.' },
  wrong_method: { status: 405, meaning: 'The path is there, and is asked by another method.' },
  not_acceptable: { status: 406, meaning: '`accept` has no type that is here.' },
  timed_out: { status: 408, meaning: 'The request did not come whole in time.' },
  conflict: { status: 409, meaning: 'What is to be loaded cannot be.' },
  too_large: { status: 413, meaning: 'The body is over its limit, compressed or not, or comes in too many pieces.' },
  unsupported: { status: 415, meaning: 'The body is compressed otherwise, or, outside of `/v2`, of another type.' },
  rate_limited: {
    status: 429,
    meaning: 'More than the client may ask in a second. `Retry-After` says when to come again.',
  },
  headers_too_large: { status: 431, meaning: 'The headers are over 16 KiB.' },
  client_gone: {
    status: 499,
    meaning: 'In the access log and the counters alone: nobody waited for the answer any more.',
  },
  model_failed: { status: 500, meaning: 'The model or its code failed at these rows; the sentence has its words.' },
  internal: {
    status: 500,
    meaning: "A fault of the model server. It is in the server's output; its words are not shown.",
  },
  overloaded: {
    status: 503,
    meaning: 'Too much waits, or more than the time of the request allows. `Retry-After` says when to come again.',
  },
  unavailable: {
    status: 503,
    meaning:
      'It cannot be asked now: unloaded, not loaded yet, its worker has ended, or the log or the features are away.',
  },
  deadline_exceeded: { status: 504, meaning: 'There was no answer within the time that the request has.' },
} as const satisfies Record<string, { status: number; meaning: string }>

export type RefusalCode = keyof typeof refusals

/** What is wrong with a request: a value that is not there, a name that nothing has, a type, a shape, a value that is not allowed, or its form. */
export type InvalidKind = 'missing' | 'unknown' | 'type' | 'shape' | 'range' | 'form'

interface Details {
  readonly kind?: InvalidKind | undefined
  /** Of a request that is turned away because there is too much to do: why, and when it may be tried again, in whole seconds. */
  readonly shed?: { readonly reason: ShedReason; readonly retryAfterS: number } | undefined
  /** Of the answer over HTTP. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A request that cannot be answered with a prediction: its sentence reaches the client as `{"error": …}`. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RefusalCode
  readonly status: number
  readonly kind: Details['kind']
  readonly shed: Details['shed']
  readonly headers: Details['headers']

  constructor(code: RefusalCode, message: string, { kind, shed, headers }: Details = {}) {
    super(message)
    this.code = code
    this.status = refusals[code].status
    this.kind = kind
    this.shed = shed
    this.headers = headers
  }
}

/** The sender can mend it: 400, as the protocol wants. */
export const badRequest = (message: string, kind: InvalidKind = 'form'): RequestError =>
  new RequestError('invalid', message, { kind })

/** Not now: the client may come again after so many milliseconds. */
export function turnedAway(reason: ShedReason, message: string, afterMs: number): RequestError {
  const retryAfterS = Math.max(1, Math.ceil(afterMs / 1_000))
  return new RequestError(reason === 'rate' ? 'rate_limited' : 'overloaded', message, {
    shed: { reason, retryAfterS },
    headers: { 'retry-after': String(retryAfterS) },
  })
}
