import type { FastifyBaseLogger, FastifyError, FastifyReply } from 'fastify'
import { invalid, TrainyardError, type ErrorCode } from '#kernel/error.ts'

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
  if (error.validation) return toProblem(notAccepted(error.validation, error.validationContext), log)
  const status = error.statusCode ?? 500
  if (status === 413) return problem(413, 'too_large', error.message)
  if (status >= 400 && status < 500) return problem(status === 400 ? 422 : status, 'invalid', error.message)
  log.error({ err: error }, 'unexpected fault')
  return problem(500, 'internal', 'The server has a fault, and has noted it.')
}

export const sendProblem = (body: ProblemBody, reply: FastifyReply): FastifyReply =>
  reply.code(body.status).type('application/problem+json').serializer(JSON.stringify).send(body)

const problem = (status: number, code: string, title: string, detail: object = {}): ProblemBody => ({
  ...detail,
  type: `/errors/${code}`,
  status,
  title,
})

type Issue = NonNullable<FastifyError['validation']>[number]

const places: Readonly<Record<string, string>> = { params: 'path', querystring: 'query' }

function notAccepted(issues: readonly Issue[], context = 'body'): TrainyardError {
  const place = places[context] ?? context
  return invalid(
    `The ${place} is not accepted.`,
    issues.map(issue => ({
      field: `${place}${issue.instancePath.replaceAll('/', '.')}`,
      ...valueOf(issue as Described),
      allowed: allowed(issue as Described),
    })),
  )
}

/** What Ajv adds when it is verbose: the value that was found, and the schema that it was held against. */
type Described = Issue & {
  readonly data?: unknown
  readonly parentSchema?: { readonly description?: string; readonly writeOnly?: boolean }
}

/** Whole objects and lists are not repeated: what is wrong with them is a field. Nor is what only goes in: secrets. */
const valueOf = ({ data, parentSchema }: Described): { value?: unknown } =>
  data === undefined || (data !== null && typeof data === 'object') || parentSchema?.writeOnly === true
    ? {}
    : { value: data }

function allowed({ keyword, message, params, parentSchema }: Described): string {
  const { additionalProperty, allowedValues } = params as {
    additionalProperty?: string
    allowedValues?: readonly unknown[]
  }
  if (additionalProperty !== undefined) return `${additionalProperty} is not a known field`
  if (allowedValues) return `${message}: ${allowedValues.join(', ')}`
  if (keyword === 'pattern' && parentSchema?.description) return parentSchema.description.replace(/\.$/, '')
  return message ?? 'is not accepted'
}
