import type { FastifyBaseLogger, FastifyError, FastifyReply } from 'fastify'
import { invalid, TrainyardError, type ErrorCode } from '#kernel/error.ts'
import { notAccepted } from './validation.ts'

/** The HTTP status of each code: a fact of this edge, not of the domain. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  already_exists: 409,
  unauthorized: 401,
  forbidden: 403,
  rate_limited: 429,
  timed_out: 408,
  too_large: 413,
  unsupported: 415,
  unavailable: 503,
  gate_failed: 409,
  data_broken: 422,
  task_failed: 500,
}

/** The body of every error answer [RFC 9457]. */
export interface ProblemBody {
  readonly type: string
  readonly status: number
  readonly title: string
  readonly [detail: string]: unknown
}

/** What the client may know of anything that was thrown; a fault is logged here, once, and its words stay inside. */
export function toProblem(error: FastifyError | TrainyardError, log: FastifyBaseLogger): ProblemBody {
  if (error instanceof TrainyardError) return problem(statusOf[error.code], error.code, error.message, error.detail)
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error.code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return toProblem(
      invalid('The body is not JSON.', [{ field: 'body', allowed: 'JSON, as its content-type says' }]),
      log,
    )
  if (error.validation) return toProblem(notAccepted(error.validation, error.validationContext), log)
  const code = codeOf(error.statusCode ?? 500)
  if (code) return problem(statusOf[code], code, error.message)
  log.error({ err: error }, 'unexpected fault')
  return problem(500, 'internal', 'The server has a fault, and has noted it.')
}

/** What Fastify and its plugins refuse with a status of their own: a body that is no JSON, a path out of a folder. */
const codeOf = (status: number): ErrorCode | undefined =>
  status >= 400 && status < 500
    ? ((Object.keys(statusOf) as ErrorCode[]).find(code => statusOf[code] === status) ?? 'invalid')
    : undefined

export const sendProblem = (body: ProblemBody, reply: FastifyReply): FastifyReply =>
  reply.code(body.status).type('application/problem+json').serializer(JSON.stringify).send(body)

const problem = (status: number, code: string, title: string, detail: object = {}): ProblemBody => ({
  ...detail,
  type: `/errors/${code}`,
  status,
  title,
})
