import type { IncomingHttpHeaders } from 'node:http'
import { show } from './bind.ts'
import { single } from './call.ts'
import type { Course } from './infer.ts'
import { badRequest, RequestError } from './request-error.ts'

/** By which clients say how many milliseconds they wait; Envoy, and what is built on it, adds the second to what it passes on. */
const headerNames = ['x-request-timeout-ms', 'x-envoy-expected-rq-timeout-ms'] as const

/** How long a client waits by its headers, in milliseconds; undefined when it does not say, or says 0. Throws `RequestError`. */
export function waitOf(headers: IncomingHttpHeaders): number | undefined {
  const name = headerNames.find(each => headers[each] !== undefined)
  if (name === undefined) return undefined
  const text = single(headers[name])!
  if (/^\d{1,10}$/.test(text)) return Number(text) || undefined
  throw badRequest(`Header ${name}: ${show(text)} is not a number of milliseconds.`)
}

/** The same by `parameters.timeout`, which is in microseconds [Triton, extension schedule_policy]. Throws `RequestError`. */
export function waitIn(parameters: unknown): number | undefined {
  const timeout = (parameters as { timeout?: unknown } | null | undefined)?.timeout
  if (timeout === undefined) return undefined
  if (Number.isSafeInteger(timeout) && (timeout as number) >= 0) return (timeout as number) / 1_000 || undefined
  throw badRequest(`Parameter timeout: ${show(timeout)} is not a number of microseconds.`)
}

/** The least of several waits, as far as they are said. */
export const leastWait = (...waits: readonly (number | undefined)[]): number | undefined =>
  waits.reduce(
    (least, wait) => (wait === undefined || (least !== undefined && least <= wait) ? least : wait),
    undefined,
  )

/**
 * What is asked, or 504 when its time is up before it is written down: a prediction in the log is also answered. Who says
 * nothing of time is looked at where requests wait, and costs no timer.
 */
export function inTime<Value>(course: Course, waitMs: number | undefined, asked: () => Promise<Value>): Promise<Value> {
  if (waitMs === undefined) return asked()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    if (course.isDecided) return
    course.isLate = true
    late.reject(new RequestError('deadline_exceeded', `There was no answer within ${Number(waitMs.toFixed(3))} ms.`))
  }, waitMs)
  const answer = asked()
  // Whoever loses the race is not heard any more.
  answer.catch(() => {})
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer))
}
