import type { Course } from '../infer.ts'
import type { Caller } from '../key-ring.ts'
import { isServerReady, modelConfig, modelMetadata, readable, serverMetadata, type PageParts } from '../pages.ts'
import { seen, type Predictor } from '../predictor.ts'
import { changeModel, repositoryIndex } from '../repository.ts'
import { isModelReady, pictured } from '../route-table.ts'
import { readModelInfer, readStreamInfer, type Hearing } from './infer-message.ts'
import type { ModelInferRequest } from './messages.ts'

export interface MethodParts extends PageParts {
  readonly predict: Predictor
}

export interface Asking {
  readonly caller: Caller
  readonly course: Course
  /** How long the caller waits, in milliseconds. */
  wait(): number | undefined
  /** The first value of a key of the metadata. */
  header(name: string): string | undefined
  /** Of a stream. */
  readonly hearing?: Hearing | undefined
}

/** Undefined when all has been heard. */
type Answer = (
  parts: MethodParts,
  request: never,
  asking: Asking,
) => object | Promise<object> | Promise<object | undefined>

interface Named {
  readonly name: string
  readonly version: string
}

interface Change {
  readonly model_name: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** An empty version is none. */
const said = (version: string): string | undefined => (version === '' ? undefined : version)

/** What each method answers; they say what the pages of the same name say over REST. Throws `RequestError`. */
export const answers: Readonly<Record<string, Answer>> = {
  ServerLive: () => ({ live: true }),
  ServerReady: parts => ({ ready: isServerReady(parts) }),
  ServerMetadata: parts => serverMetadata(parts),
  // Of grpc.health.v1: the services of this server are as ready as the server.
  Check: parts => ({ status: isServerReady(parts) ? 'SERVING' : 'NOT_SERVING' }),

  ModelReady: ({ table }, { name, version }: Named, { caller }) => ({
    ready: isModelReady(seen(table, name, caller), said(version)),
  }),
  ModelMetadata({ table }, { name, version }: Named, { caller }) {
    const deployment = seen(table, name, caller)
    return modelMetadata(deployment, pictured(table, deployment, said(version)))
  },
  ModelConfig({ table }, { name, version }: Named, { caller }) {
    const deployment = seen(table, name, caller)
    return { config: modelConfig(deployment, pictured(table, deployment, said(version))) }
  },
  ModelStatistics(parts, { name, version }: Named, { caller }) {
    const { table, whole } = parts
    return whole.statistics(name === '' ? readable(parts, caller) : [seen(table, name, caller)], said(version))
  },

  ModelInfer: (parts, request: ModelInferRequest, asking) =>
    parts.predict({ ...questionOf(request, asking), read: () => readModelInfer(request) }),
  async ModelStreamInfer({ predict }, request: ModelInferRequest, asking) {
    const { hear, gone } = asking.hearing!
    const hearing = { gone, hear: (answer: object) => hear(streamed(answer)) }
    const last = await predict({ ...questionOf(request, asking), read: () => readStreamInfer(request, hearing) })
    return last && streamed(last)
  },

  RepositoryIndex: ({ table }, { ready }: { ready: boolean }, { caller }) => ({
    models: repositoryIndex(table, caller, ready),
  }),
  RepositoryModelLoad: ({ table }, change: Change, { caller }) => changed(table, change, { verb: 'load', caller }),
  RepositoryModelUnload: ({ table }, change: Change, { caller }) => changed(table, change, { verb: 'unload', caller }),
}

const streamed = (answer: object): object => ({ infer_response: answer })

const questionOf = (
  { model_name: deployment, model_version: version }: ModelInferRequest,
  { caller, course, wait, header }: Asking,
) => ({ protocol: 'grpc', caller, course, wait, header, deployment, revision: said(version) })

async function changed(
  table: MethodParts['table'],
  { model_name: name, parameters }: Change,
  { verb, caller }: { verb: 'load' | 'unload'; caller: Caller },
): Promise<object> {
  await changeModel(table, caller, { name, verb, parameters: Object.keys(parameters) })
  return {}
}
