import { rotatePath } from '../routes-file.ts'
import { decodePart, json, refusal, single, type Asked, type Call, type Reply } from './call.ts'
import { deferredPath, type Deferrals } from './deferrals.ts'
import { waitOf } from './deadline.ts'
import { asEvents, generatePath, readGenerate } from './generate.ts'
import { intakePath, takeIn, type IntakeParts } from './intake.ts'
import { readInvocation, refusedInvocation } from './invocations.ts'
import { readOip } from './oip-rest.ts'
import { pageAt, type PageParts } from './pages.ts'
import type { Metrics } from './metrics.ts'
import type { PredictionLog } from './prediction-log.ts'
import type { Predictor } from './predictor.ts'
import { meantDeployment, ownHeader } from './predictions.ts'
import { repositoryReply } from './repository.ts'
import { RequestError } from './request-error.ts'
import { readExamples } from './v1-examples.ts'
import { namedV1, readV1 } from './v1-rest.ts'

export type Handler = (call: Call) => Promise<Reply>

export interface HandlerParts extends PageParts, Pick<IntakeParts, 'rates'> {
  readonly predict: Predictor
  readonly log: PredictionLog | undefined
  readonly metrics: Metrics
  readonly deferrals: Pick<Deferrals, 'accept' | 'status'>
}

/** Answers every call, whatever is in it: a sentence and a status when it cannot be a prediction. */
export const createHandler =
  (parts: HandlerParts): Handler =>
  async call => {
    try {
      return await answer(parts, call)
    } catch (error) {
      return refusal(error, call.id)
    }
  }

function answer(parts: HandlerParts, call: Call): Promise<Reply> {
  const infer = inferPath.exec(call.path)
  if (infer) return predicted(parts, call, { protocol: 'v2', name: infer[1]!, version: infer[2], read: readOip })
  const generate = generatePath.exec(call.path)
  if (generate) return generated(parts, call, generate)
  const v1 = v1Path.exec(call.path)
  if (v1) return predicted(parts, call, targetV1(v1))
  const deferred = deferredPath.exec(call.path)
  if (deferred) return parts.deferrals.status(call, decodePart(deferred[1]!), deferred[2]!)
  const intake = intakePath.exec(call.path)
  if (intake) return takeIn(parts, call, decodePart(intake[1]!))
  if (call.path === '/invocations' || call.path === parts.routes.predict) return invoked(parts, call)
  return other(parts, call)
}

/** Whatever is no prediction: commands, and pages. */
async function other(parts: HandlerParts, call: Call): Promise<Reply> {
  if (call.method === 'POST') {
    const reply = await command(parts, call)
    if (reply) return reply
  }
  const page = pageAt(parts.routes, call)
  if (!page) throw new RequestError('not_found', `There is no ${call.path}.`)
  if (call.method !== 'GET' && call.method !== 'HEAD')
    throw new RequestError('wrong_method', `${call.path} is read with GET.`)
  return page(parts, call.caller)
}

const inferPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer\/?$/
const v1Path = /^\/v1\/models\/([^/:]+)(?:\/(versions|labels)\/([^/:]+))?:(predict|classify|regress)$/

const v1Readers = { predict: readV1, classify: readExamples('classify'), regress: readExamples('regress') }

const targetV1 = ([, name, kind, version, verb]: RegExpExecArray): Target => ({
  protocol: 'v1',
  name: name!,
  version: namedV1(kind, version),
  read: v1Readers[verb as keyof typeof v1Readers],
})

interface Target {
  readonly protocol: string
  /** As they stand in the path. */
  readonly name: string
  readonly version: string | undefined
  readonly read: (call: Call) => Asked
}

function generated(parts: HandlerParts, call: Call, [, name, version, verb]: RegExpExecArray): Promise<Reply> {
  const target = { protocol: 'v2', name: name!, version }
  if (verb === 'generate') return predicted(parts, call, { ...target, read: readGenerate })
  requirePost(call)
  return asEvents(call.id, hear => asked(parts, call, { ...target, read: own => readGenerate(own, hear) }))
}

function requirePost({ method }: Call): void {
  if (method !== 'POST') throw new RequestError('wrong_method', 'An inference is asked for with POST.')
}

function predicted(parts: HandlerParts, call: Call, target: Target): Promise<Reply> {
  requirePost(call)
  return call.headers['prefer'] === undefined ? asked(parts, call, target) : preferred(parts, call, target)
}

/** Later, where the client prefers that. */
const preferred = async (parts: HandlerParts, call: Call, target: Target): Promise<Reply> =>
  (await parts.deferrals.accept(call, decodePart(target.name))) ?? asked(parts, call, target)

function asked({ predict }: HandlerParts, call: Call, { protocol, name, version, read }: Target): Promise<Reply> {
  return predict({
    protocol,
    caller: call.caller,
    deployment: decodePart(name),
    revision: version === undefined ? ownHeader(call.headers, 'x-trainyard-revision') : decodePart(version),
    course: call.course,
    ...call.deferred,
    wait: () => waitOf(call.headers),
    header: header => single(call.headers[header]),
    read: () => read(call),
  })
}

/** The doors whose address names no deployment: `/invocations`, and the route that Vertex AI chooses. */
async function invoked(parts: HandlerParts, call: Call): Promise<Reply> {
  const isVertex = call.path === parts.routes.predict
  try {
    const name = encodeURIComponent(meantDeployment(parts.table, call, parts.routes.deployment))
    const door = isVertex ? { protocol: 'vertex', read: readV1 } : { protocol: 'invocations', read: readInvocation }
    return await predicted(parts, call, { ...door, name, version: undefined })
  } catch (error) {
    return isVertex ? refusal(error, call.id) : refusedInvocation(error, call.id)
  }
}

/** What is done with POST beside predictions; undefined when it is nothing of the kind. */
async function command({ table, whole }: HandlerParts, call: Call): Promise<Reply | undefined> {
  if (call.path !== rotatePath || !call.caller.isKeeper) return repositoryReply(table, call)
  await whole.rotate()
  return json({})
}
