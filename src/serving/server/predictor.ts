import type { Asked } from './call.ts'
import { problemOf } from './call.ts'
import { infer, type Course, type InferParts } from './infer.ts'
import type { Caller } from './key-ring.ts'
import type { Metrics } from './metrics.ts'
import { RequestError } from './request-error.ts'
import type { LiveDeployment, RouteTable } from './route-table.ts'
import type { Statistics } from './statistics.ts'

/** A request for predictions by any protocol, before its content is read. */
export interface Question<Answer> {
  /** By which the answers are counted: `v2`, `grpc` … */
  readonly protocol: string
  readonly caller: Caller
  /** Name of the deployment. */
  readonly deployment: string
  readonly revision: string | undefined
  /** `performance.now()` when the request began. */
  readonly startedAt: number
  /** Reads the content, once it is clear that the caller may ask. Throws `RequestError`. */
  read(): Asked<Answer>
}

export interface PredictorParts extends InferParts {
  readonly table: Pick<RouteTable, 'deployment' | 'revision'>
  readonly metrics: Pick<Metrics, 'observe'>
  readonly statistics: Pick<Statistics, 'observe'>
}

/**
 * Answers a question of any protocol: who may ask, the inference, and what is counted of it, are the same for all. Rejects
 * with what cannot be answered; `problemOf` says it in words.
 */
export type Predictor = <Answer>(question: Question<Answer>) => Promise<Answer>

export function createPredictor(parts: PredictorParts): Predictor {
  const { metrics, statistics } = parts
  return async question => {
    const course: Course = { startedAt: question.startedAt }
    let status = 200
    try {
      const deployment = askable(parts.table, question)
      const asked = question.read()
      const inference = await infer(parts, { deployment, revision: question.revision, content: asked.content }, course)
      return asked.reply(inference)
    } catch (error) {
      status = problemOf(error).status
      throw error
    } finally {
      const endedAt = performance.now()
      const { revision, startedAt } = course
      // Names that lead nowhere are the client's: they may not become labels without end.
      metrics.observe({
        deployment: revision ? question.deployment : '',
        revision: revision?.id ?? '',
        protocol: question.protocol,
        status,
        seconds: (endedAt - startedAt) / 1_000,
      })
      statistics.observe(course, { endedAt, isAnswered: status === 200 })
    }
  }
}

function askable(
  table: Pick<RouteTable, 'deployment'>,
  { deployment: name, caller }: Question<unknown>,
): LiveDeployment {
  const deployment = seen(table, name, caller)
  if (caller.asks(deployment)) return deployment
  throw new RequestError(
    403,
    `${caller.name} may not ask ${deployment.name}: it takes the role editor in ${deployment.project}, or a token for this deployment.`,
  )
}

/** The deployment, if it is there for this caller. Throws `RequestError` 404. */
export function seen(table: Pick<RouteTable, 'deployment'>, name: string, caller: Caller): LiveDeployment {
  const found = table.deployment(name)
  if (!found || !caller.reads(found)) throw new RequestError(404, `There is no deployment ${JSON.stringify(name)}.`)
  return found
}
