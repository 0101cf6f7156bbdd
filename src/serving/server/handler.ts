import { rotatePath } from '../routes-file.ts'
import { json, refusal, single, type Call, type Reply } from './call.ts'
import { readOip } from './oip-rest.ts'
import { decodePart, pageAt, type PageParts } from './pages.ts'
import type { Predictor } from './predictor.ts'
import type { PredictionLog } from './prediction-log.ts'
import { changeModel, repositoryIndex } from './repository.ts'
import { RequestError } from './request-error.ts'

export type Handler = (call: Call) => Promise<Reply>

export interface HandlerParts extends PageParts {
  readonly predict: Predictor
  readonly log: Pick<PredictionLog, 'rotate'>
}

/** Answers every call, whatever is in it: a sentence and a status when it cannot be a prediction. */
export const createHandler =
  (parts: HandlerParts): Handler =>
  call =>
    answer(parts, call).catch(refusal)

async function answer(parts: HandlerParts, call: Call): Promise<Reply> {
  const infer = inferPath.exec(call.path)
  if (infer) return inferReply(parts, call, { name: infer[1]!, version: infer[2] })
  if (call.method === 'POST') {
    const reply = await command(parts, call)
    if (reply) return reply
  }
  const page = pageAt(call)
  if (!page) throw new RequestError(404, `There is no ${call.path}.`)
  if (call.method !== 'GET' && call.method !== 'HEAD') throw new RequestError(405, `${call.path} is read with GET.`)
  return page(parts, call.caller)
}

const inferPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer\/?$/

async function inferReply(
  { predict }: HandlerParts,
  call: Call,
  { name, version }: { name: string; version: string | undefined },
): Promise<Reply> {
  if (call.method !== 'POST') throw new RequestError(405, 'An inference is asked for with POST.')
  return predict({
    protocol: 'v2',
    caller: call.caller,
    deployment: decodePart(name),
    revision: version === undefined ? single(call.headers['x-trainyard-revision']) : decodePart(version),
    startedAt: call.startedAt,
    read: () => readOip(call),
  })
}

/** What is done with POST beside predictions; undefined when it is nothing of the kind. */
async function command({ table, log }: HandlerParts, call: Call): Promise<Reply | undefined> {
  if (call.path === rotatePath && call.caller.isKeeper) {
    await log.rotate()
    return json({})
  }
  if (call.path === '/v2/repository/index') return repositoryIndex(table, call)
  const [, name, verb] = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/.exec(call.path) ?? []
  if (name === undefined) return undefined
  return changeModel(table, call, { name: decodePart(name), verb: verb as 'load' | 'unload' })
}
