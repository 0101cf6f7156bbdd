/** What went wrong, in the words of the wire. One row per code: docs/errors.md is printed from here. */
export const errorCatalogue = {
  invalid:
    'The request is understood and cannot be accepted: `problems` names each field, its value and what is allowed.',
  not_found: 'Nothing has that id or name. `what` and `key` say which.',
  conflict:
    'The thing is not in a state that allows this; the detail says which state it is in and what would be allowed.',
  already_exists: 'The name is taken. `what` and `key` say which.',
  unauthorized: 'A token is required, or the one that was sent is unknown or expired.',
  forbidden: 'The token is known and its role does not allow this. `role` and `required` say what is missing.',
  rate_limited: 'Too many wrong passwords. `retryAfterS` says how long to wait.',
  timed_out: 'The sender stopped in the midst of its request. `bodyTimeout` says for how long it may.',
  too_large: 'The body, file or list is over its limit, which the detail names.',
  unsupported: 'The body is of a kind (`content-type`) that is not read here.',
  unavailable:
    'Something this depends on does not answer now (a model server, a database, a source). Trying again later is right.',
  gate_failed:
    'A gate did not let a model version through. `reasons` lists each rule, what was measured and what was required.',
  data_broken: 'Data violates its contract. `violations` names column, rule, what was found and what is allowed.',
  task_failed:
    'A task of a run ended badly: `cause` tells exit code, signal, timeout, or the error of a platform task.',
} as const

export type ErrorCode = keyof typeof errorCatalogue

/** One thing wrong with an input: where, what was there, what is allowed. */
export interface Problem {
  /** Path of the field, `pipelines.train.tasks.fit.retries` or `row 17, column wind`. */
  readonly field: string
  readonly value?: unknown
  readonly allowed: string
}

/**
 * A failure which the caller was promised: it has a code, reaches the client as `application/problem+json`
 * [RFC 9457] and is not logged as a fault. Anything else that is thrown is a bug, and answers 500.
 */
export class TrainyardError extends Error {
  override readonly name = 'TrainyardError'
  readonly code: ErrorCode
  /** Facts for the reader, safe to show: ids, names, limits; never secrets. */
  readonly detail: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, detail: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.detail = detail
  }
}

export const notFound = (what: string, key: string): TrainyardError =>
  new TrainyardError('not_found', `There is no ${what} ${key}.`, { what, key })

export const alreadyExists = (what: string, key: string): TrainyardError =>
  new TrainyardError('already_exists', `${what} ${key} already exists.`, { what, key })

export const conflict = (message: string, detail: Record<string, unknown> = {}): TrainyardError =>
  new TrainyardError('conflict', message, detail)

/** The sentence of an `invalid` error lists its problems, so that a log line alone is enough to mend the input. */
export function invalid(message: string, problems: readonly Problem[] = []): TrainyardError {
  const lines = problems.map(
    ({ field, value, allowed }) => `${field}${value === undefined ? '' : ` = ${show(value)}`}: ${allowed}`,
  )
  return new TrainyardError('invalid', [message, ...lines].join('\n  '), { problems })
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}
