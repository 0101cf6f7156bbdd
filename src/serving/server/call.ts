import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Content, Course, Inference } from './infer.ts'
import type { Caller } from './key-ring.ts'
import { RequestError } from './request-error.ts'
import type { TextWish } from './text-stream.ts'

/** A request without its transport. */
export interface Call {
  /** What the client calls it, or else this server. */
  readonly id: string
  readonly method: string
  /** Path without the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Whole, and no longer compressed. */
  readonly body: Buffer
  readonly caller: Caller
  /** How far it has come. */
  readonly course: Course
  /** Aborted when the client is gone before it has its answer; left out where nobody can go. */
  gone?(): AbortSignal
  /** Nobody waits for it: how long it may take, and the ids of its predictions, which are the same when it is tried again. */
  readonly deferred?: { readonly allowedMs: number; idOf(row: number): string }
}

export interface Reply {
  readonly status: number
  readonly body: string | Buffer
  /** `application/json` when absent. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it comes, in place of the body. */
  readonly parts?: Readable
}

/** What a request for predictions asks, and how its answer is written. */
export interface Asked<Answer = Reply> {
  readonly content: Content
  /** How long its sender waits, in milliseconds, where the content says so. */
  readonly waitMs?: number | undefined
  /** Nobody waits for it at this moment, where the content says so. */
  readonly isBatch?: boolean | undefined
  /** How its text is heard while it is made. */
  readonly text?: TextWish
  reply(inference: Inference): Answer
}

export const json = (value: unknown, status = 200): Reply => ({ status, body: JSON.stringify(value) })

/** The first value of a header. */
export const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header

/** A refusal as the protocols want it, `error` first; `more` are members that clients of one of them look for. */
export function refusal(error: unknown, id: string, more?: (problem: Problem) => object): Reply {
  const problem = problemOf(error)
  const { code, status, message, headers } = problem
  const body = { error: message, code, request_id: id, ...more?.(problem) }
  return { ...json(body, status), ...(headers && { headers }) }
}

/** What is said of something that was thrown. */
export type Problem = Pick<RequestError, 'code' | 'status' | 'message' | 'headers'>

/** A fault of the server is noted in its output; its words stay there. */
export function problemOf(error: unknown): Problem {
  if (error instanceof RequestError) return error
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return new RequestError('internal', 'The model server has a fault, and has noted it.')
}

export const statusOf = (error: unknown): number => (error instanceof RequestError ? error.status : 500)

/** Without the query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** An address as origins have it: a client that takes this server for a proxy writes scheme and host before it [RFC 9112, 3.2.2]. */
export const originForm = (url: string): string => (url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, ''))

/** The address without the prefix, where it has it. */
export const withoutPrefix = (url: string, prefix: string): string =>
  prefix !== '' && url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : url

/** A part of a path as it was meant; as it was written when that cannot be told. */
export function decodePart(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
