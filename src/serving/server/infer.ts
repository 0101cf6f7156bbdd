import { newId } from '#kernel/id.ts'
import { bindInputs, show, type Bound, type Column } from './bind.ts'
import { lookUp, perRow, readSubjects, type Subjects } from './lookup.ts'
import { servedOutputs } from './model.ts'
import type { OnlineFeatures } from './online.ts'
import type { PredictionLog } from './prediction-log.ts'
import { logLines, type AnsweredRequest } from './record.ts'
import { badRequest, RequestError } from './request-error.ts'
import { ModelFault, type OutputColumn } from './runtime/runtime.ts'
import type { LiveDeployment, LiveRevision, RouteTable } from './route-table.ts'

export interface InferParts {
  readonly table: Pick<RouteTable, 'revision'>
  readonly log: PredictionLog
  readonly online: OnlineFeatures | undefined
}

export interface InferRequest {
  readonly deployment: LiveDeployment
  /** Id or number of the revision that the client insists on. */
  readonly revision: string | undefined
  readonly body: Buffer
  /** `performance.now()` when the request began. */
  readonly startedAt: number
}

/** The answer's body, and who gave it. */
export interface Inference {
  readonly body: string
  readonly revision: LiveRevision
}

/** Told whose answer a request waits for, before it can fail. */
export type OnRevision = (revision: LiveRevision) => void

/**
 * One inference: check, look up what is missing, run, serve, write down, answer. Nothing is answered that is not in the
 * prediction log; a fault of the model or its code is written down too.
 */
export async function infer(
  { table, log, online }: InferParts,
  request: InferRequest,
  onRevision: OnRevision,
): Promise<Inference> {
  const receivedAt = Date.now()
  const call = parse(request.body)
  const { deployment } = request
  const firstId: string = newId('prd')
  const revision = table.revision(deployment, { named: request.revision, predictionId: firstId })
  onRevision(revision)
  const bound = bindInputs(revision.model.manifest.signature, call.inputs)
  const { rows, keys, at } = sized(bound, readSubjects(call.parameters))
  const columns = await complete({ deployment, revision, bound, keys, at, online })
  const ids = Array.from({ length: rows }, (_, row) => (row === 0 ? firstId : newId('prd')))
  const wanted = wantedOutputs(call.outputs)
  const record = (outputs: readonly OutputColumn[], error?: string): AnsweredRequest => ({
    ids,
    deployment: deployment.name,
    revision: revision.id,
    version: revision.version,
    keys,
    at,
    receivedAt,
    latencyMs: performance.now() - request.startedAt,
    isForced: request.revision !== undefined,
    features: revision.model.manifest.signature.inputs.map(({ name }) => name),
    columns,
    outputs,
    ...(error === undefined ? {} : { error }),
  })
  let outputs: readonly OutputColumn[]
  try {
    outputs = await run(revision, rows, columns)
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error)
    await write(log, record([], sentence))
    const status = error instanceof ModelFault ? error.status : 500
    throw new RequestError(status, `Revision ${revision.number} of ${deployment.name} failed: ${sentence}`)
  }
  await write(log, record(outputs))
  return {
    body: answer({
      id: call.id,
      deployment,
      revision,
      ids,
      outputs: wanted ? outputs.filter(({ name }) => wanted.has(name)) : outputs,
      rows,
    }),
    revision,
  }
}

interface Call {
  readonly id: string | undefined
  readonly inputs: unknown
  readonly outputs: unknown
  readonly parameters: unknown
}

function parse(body: Buffer): Call {
  let call: unknown
  try {
    call = JSON.parse(body.toString())
  } catch (error) {
    throw badRequest(`The body is not JSON (which has no NaN and no Infinity): ${(error as Error).message}`)
  }
  if (call === null || typeof call !== 'object' || Array.isArray(call))
    throw badRequest(`The body must be an object with "inputs", not ${show(call)}.`)
  const { id, inputs, outputs, parameters } = call as Record<string, unknown>
  if (id !== undefined && typeof id !== 'string') throw badRequest(`"id" must be a text, not ${show(id)}.`)
  return { id, inputs, outputs, parameters }
}

function wantedOutputs(outputs: unknown): ReadonlySet<unknown> | undefined {
  if (outputs === undefined) return undefined
  if (!Array.isArray(outputs)) throw badRequest(`"outputs" must be a list, not ${show(outputs)}.`)
  const names = outputs.map((output: unknown) => (output as { name?: unknown } | null)?.name)
  if (names.every(name => typeof name === 'string')) return names.length > 0 ? new Set(names) : undefined
  throw badRequest('Each of "outputs" needs a "name".')
}

/** How many rows there are, and for each its key and instant when the request says so. */
function sized({ rows: given }: Bound, { keys, at }: Subjects): { rows: number } & Subjects {
  const rows = given > 0 ? given : Math.max(keys?.length ?? 0, keys ? (at?.length ?? 0) : 0)
  if (rows === 0)
    throw badRequest('There is nothing to predict: send "inputs", or parameters.entity to have features looked up.')
  return { rows, keys: perRow('entity', keys, rows), at: perRow('event_time', at, rows) }
}

interface Completion extends Subjects {
  readonly deployment: LiveDeployment
  readonly revision: LiveRevision
  readonly bound: Bound
  readonly online: InferParts['online']
}

async function complete({ deployment, revision, bound, keys, at, online }: Completion): Promise<readonly Column[]> {
  const { signature, service } = revision.model.manifest
  const missing = signature.inputs.filter((_, index) => bound.columns[index] === undefined)
  if (missing.length === 0) return bound.columns as Column[]
  const found = await lookUp(online, { project: deployment.project, service, missing, keys, at })
  return signature.inputs.map(({ name }, index) => bound.columns[index] ?? found.get(name)!)
}

async function run(
  { model }: LiveRevision,
  rows: number,
  columns: readonly Column[],
): Promise<readonly OutputColumn[]> {
  const outputs = await model.batcher.run(rows, columns)
  for (const { name, values } of outputs) {
    const bad = values.findIndex(value => typeof value === 'number' && !Number.isFinite(value))
    if (bad >= 0) throw new Error(`Output ${name} is ${String(values[bad])}.`)
  }
  return model.postprocess ? [...outputs, ...(await servedOutputs(model.postprocess, outputs, rows))] : outputs
}

async function write(log: PredictionLog, record: AnsweredRequest): Promise<void> {
  try {
    await log.append(logLines(record))
  } catch (error) {
    throw new RequestError(
      503,
      `The prediction could not be written down, so it is not given: ${(error as Error).message}`,
    )
  }
}

interface Answer {
  readonly id: string | undefined
  readonly deployment: LiveDeployment
  readonly revision: LiveRevision
  readonly ids: readonly string[]
  readonly outputs: readonly OutputColumn[]
  readonly rows: number
}

function answer({ id, deployment, revision, ids, outputs, rows }: Answer): string {
  return JSON.stringify({
    model_name: deployment.name,
    model_version: String(revision.number),
    ...(id === undefined ? {} : { id }),
    // Parameters are flat in the protocol: of several rows the ids are a list as text.
    parameters: {
      prediction_id: rows === 1 ? ids[0] : JSON.stringify(ids),
      revision: revision.id,
      model_version: revision.version,
    },
    outputs: outputs.map(({ name, datatype, width, values }) => ({
      name,
      datatype,
      shape: width === 1 && datatype === 'BYTES' ? [rows] : [rows, width],
      data: values,
    })),
  })
}
