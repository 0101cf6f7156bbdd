import type { Asked } from './call.ts'
import { statusOf } from './call.ts'
import { inTime, leastWait } from './deadline.ts'
import { infer, type Course, type InferParts } from './infer.ts'
import type { Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { isBatchBy, priorityHeader } from './priority.ts'
import type { RateLimit } from './rate-limit.ts'
import { RequestError, turnedAway } from './request-error.ts'
import type { LiveDeployment, RouteTable } from './route-table.ts'
import type { Statistics } from './statistics.ts'
import { givenId } from './visit.ts'

/** A request for predictions by any protocol, before its content is read. */
export interface Question<Answer> {
  /** By which the answers are counted: `v2`, `grpc` … */
  readonly protocol: string
  readonly caller: Caller
  /** Name of the deployment. */
  readonly deployment: string
  readonly revision: string | undefined
  /** The value of a header, or of what the protocol has instead. */
  header(name: string): string | undefined
  readonly course: Course
  /** See `InferRequest`. */
  readonly idOf?: (row: number) => string
  /** How long it may take when nobody waits for it, in milliseconds. */
  readonly allowedMs?: number
  /** How long the caller waits beside what the content says, in milliseconds. Throws `RequestError`. */
  wait(): number | undefined
  /** Reads the content, once it is clear that the caller may ask. Throws `RequestError`. */
  read(): Asked<Answer>
}

export interface PredictorParts extends InferParts {
  readonly table: Pick<RouteTable, 'deployment' | 'revision'>
  readonly metrics: Pick<Metrics, 'begin' | 'observe' | 'shed' | 'invalid'>
  readonly rates: RateLimit
  /** How long a request may take that nobody says less of, in milliseconds. */
  readonly deadlineMs: number
  readonly statistics: Pick<Statistics, 'observe'>
}

/**
 * Answers a question of any protocol: who may ask, the inference, and what is counted of it, are the same for all. Rejects
 * with what cannot be answered; `problemOf` says it in words.
 */
export type Predictor = <Answer>(question: Question<Answer>) => Promise<Answer>

export function createPredictor(parts: PredictorParts): Predictor {
  const { metrics, statistics, rates } = parts
  return async question => {
    const { course } = question
    course.protocol = question.protocol
    metrics.begin()
    let status = 200
    try {
      const deployment = askable(parts.table, question)
      course.deployment = deployment.name
      if (deployment.limits.clientRate !== undefined) await admit(rates, deployment, question.caller)
      const { content, waitMs: wished, isBatch = false, text, reply } = question.read()
      const { allowedMs } = question
      const waitMs = allowedMs ?? leastWait(question.wait(), wished, deployment.limits.deadlineMs)
      const until = course.startedAt + (allowedMs ?? Math.min(waitMs ?? Infinity, parts.deadlineMs))
      const { sticky } = deployment
      const unit = typeof sticky === 'object' ? question.header(sticky.header) : undefined
      const request = {
        deployment,
        revision: question.revision,
        content,
        unit,
        text,
        until,
        idOf: question.idOf,
        requestId: givenId(question.header('x-request-id')),
        runMs: allowedMs,
        isBatch: isBatch || isBatchBy(question.header(priorityHeader)),
      }
      return reply(await inTime(course, waitMs, () => infer(parts, request, course)))
    } catch (error) {
      status = statusOf(error)
      if (error instanceof RequestError) count(metrics, course.deployment ?? '', error)
      throw error
    } finally {
      const endedAt = performance.now()
      const { revision, startedAt } = course
      metrics.observe({
        // Names that lead nowhere are the client's: they may not become labels without end.
        deployment: course.deployment ?? '',
        revision: revision?.id ?? '',
        protocol: question.protocol,
        status,
        seconds: (endedAt - startedAt) / 1_000,
      })
      statistics.observe(course, { endedAt, isAnswered: status === 200 })
    }
  }
}

function count(
  metrics: Pick<Metrics, 'shed' | 'invalid'>,
  deployment: string,
  { code, shed, kind }: RequestError,
): void {
  if (shed) metrics.shed(deployment, shed.reason)
  if (code === 'invalid') metrics.invalid(deployment, kind ?? 'form')
}

/** The deployment, if the caller may ask it. Throws `RequestError` 403 or 404. */
export function askable(
  table: Pick<RouteTable, 'deployment'>,
  { deployment: name, caller }: Pick<Question<unknown>, 'deployment' | 'caller'>,
): LiveDeployment {
  const deployment = seen(table, name, caller)
  if (caller.asks(deployment)) return deployment
  throw new RequestError(
    'forbidden',
    `${caller.name} may not ask ${deployment.name}: it takes the role editor in ${deployment.project}, or a token for this deployment.`,
  )
}

/** Counts a request against what its client may ask in a second. Throws `RequestError` 429. */
export async function admit(
  rates: RateLimit,
  { name, limits }: LiveDeployment,
  { client }: Pick<Caller, 'client'>,
): Promise<void> {
  const clientRate = limits.clientRate!
  const waitMs = await rates.take(`${name} ${client}`, clientRate)
  if (waitMs === 0) return
  throw turnedAway('rate', `${name} takes ${clientRate} requests a second from each client.`, waitMs)
}

/** The deployment, if it is there for this caller. Throws `RequestError` 404. */
export function seen(table: Pick<RouteTable, 'deployment'>, name: string, caller: Caller): LiveDeployment {
  const found = table.deployment(name)
  if (!found || !caller.reads(found))
    throw new RequestError('not_found', `There is no deployment ${JSON.stringify(name)}.`)
  return found
}
