import type { Course } from './infer.ts'

/** One request that is over, for those who tell of requests. */
export interface Visit {
  /** What the client calls it, or else this server. */
  readonly id: string
  readonly method: string
  readonly path: string
  /** Name of who asked; empty for who was not let in, and for what everyone may ask. */
  readonly caller: string
  readonly course: Course
  /** The status of HTTP, also of a call by gRPC. */
  readonly status: number
  /** What was said in place of an answer. */
  readonly refusal?: string | undefined
  /** On the clock of `performance.now()`. */
  readonly endedAt: number
  /** What the client is tracing [W3C Trace Context]. */
  readonly traceparent: string | undefined
  readonly tracestate: string | undefined
}

export type Tell = (visit: Visit) => void

/** Who is told of requests that are over. */
export interface Witness {
  /** Whether anybody wants to hear of such a request: what nobody wants to hear of is not put into words. */
  wants(status: number, ms: number): boolean
  readonly tell: Tell
}

const prefix = crypto.randomUUID().slice(0, 8)
let count = 0

/** The id that a client gives its request, where it can be told in a header and a line. */
export const givenId = (given: string | undefined): string | undefined =>
  given !== undefined && /^[\x21-\x7e]{1,128}$/.test(given) ? given : undefined

/** The client's own, else a new one. */
export const requestId = (given: string | undefined): string => givenId(given) ?? `${prefix}-${(count++).toString(36)}`
