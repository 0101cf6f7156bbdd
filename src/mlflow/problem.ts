import type { FastifyBaseLogger, FastifyError, FastifyReply } from 'fastify'
import { TrainyardError, type ErrorCode } from '#kernel/error.ts'

/** MLflow's names for what went wrong: its clients switch on `error_code`, and repeat what has status 429 or 5xx. */
const codes: Readonly<Record<ErrorCode, readonly [status: number, code: string]>> = {
  invalid: [400, 'INVALID_PARAMETER_VALUE'],
  not_found: [404, 'RESOURCE_DOES_NOT_EXIST'],
  conflict: [400, 'INVALID_PARAMETER_VALUE'],
  already_exists: [400, 'RESOURCE_ALREADY_EXISTS'],
  unauthorized: [401, 'UNAUTHENTICATED'],
  forbidden: [403, 'PERMISSION_DENIED'],
  rate_limited: [429, 'REQUEST_LIMIT_EXCEEDED'],
  timed_out: [408, 'DEADLINE_EXCEEDED'],
  too_large: [400, 'INVALID_PARAMETER_VALUE'],
  unsupported: [400, 'BAD_REQUEST'],
  unavailable: [503, 'TEMPORARILY_UNAVAILABLE'],
  gate_failed: [403, 'PERMISSION_DENIED'],
  data_broken: [400, 'INVALID_PARAMETER_VALUE'],
  task_failed: [500, 'INTERNAL_ERROR'],
}

export interface MlflowProblem {
  readonly status: number
  readonly error_code: string
  readonly message: string
}

/** What a client may know of anything that was thrown; a fault is logged here, once, and its words stay inside. */
export function toMlflowProblem(error: FastifyError | TrainyardError, log: FastifyBaseLogger): MlflowProblem {
  if (error instanceof TrainyardError) {
    const [status, error_code] = codes[error.code]
    return { status, error_code, message: error.message }
  }
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500) return { status: 400, error_code: 'BAD_REQUEST', message: error.message }
  log.error({ err: error }, 'unexpected fault')
  return { status: 500, error_code: 'INTERNAL_ERROR', message: 'The server has a fault, and has noted it.' }
}

export const sendMlflowProblem = ({ status, ...body }: MlflowProblem, reply: FastifyReply): FastifyReply =>
  reply.code(status).type('application/json').serializer(JSON.stringify).send(body)

/** A route that is not there: this code alone lets newer clients fall back to older calls. */
export const unknownRoute = (method: string, path: string): MlflowProblem => ({
  status: 404,
  error_code: 'ENDPOINT_NOT_FOUND',
  message: `There is no ${method} ${path} here.`,
})
