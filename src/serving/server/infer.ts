import { newId } from '#kernel/id.ts'
import type { BundleManifest } from '../bundle.ts'
import type { RouteLog } from '../routes-file.ts'
import { hashToUnit } from '../traffic.ts'
import type { Patience } from './batcher.ts'
import type { Bound, Column } from './bind.ts'
import { askedOf } from './loaded-model.ts'
import { lookUp, perRow, type Found, type Subjects } from './lookup.ts'
import { computeMissing, readsOf } from './request-features.ts'
import { prepared, type OwnColumns } from './prepared.ts'
import { servedOutputs } from './serving-code.ts'
import type { OnlineFeatures } from './online.ts'
import type { PredictionLog } from './prediction-log.ts'
import { logLines, type AnsweredRequest } from './record.ts'
import { badRequest, RequestError } from './request-error.ts'
import type { LiveDeployment, LiveRevision, RouteTable } from './route-table.ts'
import { ModelFault, type OutputColumn, type Rows } from './runtime.ts'
import type { Shadows } from './shadows.ts'
import {
  openTextStream,
  requireStreaming,
  textName,
  type Begun,
  type TextStream,
  type TextWish,
} from './text-stream.ts'

/**
 * The one request that every protocol comes down to. A protocol's part is to read its bytes into a `Content` and to
 * write an `Inference` as its answer; who may ask, which revision answers, the log and the counters are the same for all.
 */
export interface InferRequest {
  readonly deployment: LiveDeployment
  /** Id or number of the revision that the client insists on. */
  readonly revision: string | undefined
  readonly content: Content
  /** Whose requests all meet the same revision, where a header says so. */
  readonly unit?: string | undefined
  /** How its text is heard while it is made. */
  readonly text?: TextWish | undefined
  /** On the clock of `performance.now()`: nobody waits for the answer after it. */
  readonly until: number
  /** How long its run may take, in milliseconds, where that is more than usual. */
  readonly runMs?: number | undefined
  /** It gives way to others. */
  readonly isBatch?: boolean | undefined
  /** What its client calls it. */
  readonly requestId?: string | undefined
  /** The ids of its predictions, row by row, where whoever asks may ask again and means the same. */
  readonly idOf?: ((row: number) => string) | undefined
  /** Of its predictions, where a graph has given them out; one for each row. */
  readonly ids?: readonly string[] | undefined
}

/** The rows of a request, in terms of the revision that answers it. Throws `RequestError` for what it cannot take. */
export type Content = (manifest: BundleManifest) => Bound & Subjects

export interface Inference extends Begun {
  readonly outputs: readonly OutputColumn[]
  readonly rows: number
}

/** How far a request has come, for those who count: filled in on the way, and left as it is when the request fails. */
export interface Course {
  /** `performance.now()` when the request began, when its inputs were complete, and when its outputs were there. */
  readonly startedAt: number
  boundAt: number | undefined
  ranAt: number | undefined
  /** `v2`, `grpc` …; set once predictions are asked for. */
  protocol: string | undefined
  /** Name of the deployment, when it is there for the caller. */
  deployment: string | undefined
  revision: LiveRevision | undefined
  rows: number | undefined
  /** Of the first row. */
  predictionId: string | undefined
  /** The time was up, and whoever asked has been told so. */
  isLate: boolean
  /** The answer is being written down, and will be given. */
  isDecided: boolean
}

/** Of a request that begins now. It has all its members from the start: an object that grows is made anew each time. */
export const beginCourse = (): Course => ({
  startedAt: performance.now(),
  boundAt: undefined,
  ranAt: undefined,
  protocol: undefined,
  deployment: undefined,
  revision: undefined,
  rows: undefined,
  predictionId: undefined,
  isLate: false,
  isDecided: false,
})

export interface InferParts {
  readonly table: Pick<RouteTable, 'revision'>
  /** Nothing is written down without one. */
  readonly log: Pick<PredictionLog, 'append'> | undefined
  readonly online: OnlineFeatures | undefined
  readonly shadows: Pick<Shadows, 'follow'>
}

/**
 * One inference: check, look up what is missing, run, serve, write down, answer. Nothing is answered that is not in the
 * prediction log; a fault of the model or its code is written down too.
 */
export async function infer(parts: InferParts, request: InferRequest, course: Course): Promise<Inference> {
  const { table, online } = parts
  // A graph's deployments write down what they answer.
  const log = request.deployment.isGraph ? undefined : parts.log
  const receivedAt = Date.now()
  const { deployment } = request
  const { idOf = (row: number) => request.ids?.[row] ?? newId('prd') } = request
  const firstId: string = idOf(0)
  const { revision, bound } = meet(table, request, { course, predictionId: firstId })
  const { manifest } = revision.model
  const { rows, keys, at } = bound
  course.rows = rows
  const ids: string[] = [firstId]
  while (ids.length < rows) ids.push(idOf(ids.length))
  const lot = lotOf(deployment.log, firstId)
  const keep = keeper(log, course.startedAt, {
    ids,
    deployment: deployment.name,
    revision: revision.id,
    version: revision.version,
    keys,
    at,
    receivedAt,
    isForced: request.revision !== undefined,
    signature: manifest.signature,
    filled: bound.filled,
    requestId: request.requestId,
    rules: lot.rules,
    isDrawn: lot.isDrawn,
    isGiven: request.idOf !== undefined,
  })
  const own = ownColumns(bound, manifest)
  const inputs: Complete = isComplete(own)
    ? { columns: own, times: undefined }
    : await complete({ deployment, revision, bound, keys, at, online, receivedAt, until: request.until }).catch(
        async (error: unknown) => {
          throw error instanceof ModelFault
            ? await refused(error, { deployment, revision }, told => keep(unmade(own, rows), [], told))
            : error
        },
      )
  course.boundAt = performance.now()
  course.predictionId = firstId
  const begun = { deployment, revision, ids, filled: bound.filled }
  const stream =
    request.text && rows === 1 && revision.model.isStreaming
      ? openTextStream(request.text, begun, request.until)
      : undefined
  let outputs: readonly OutputColumn[]
  try {
    outputs = await run(
      revision,
      { rows, columns: inputs.columns },
      { ...patienceOf(request), ...heardBy(stream, request), ids },
    )
    if (course.isLate) throw new ModelFault('deadline_exceeded', 'The answer came when nobody waited for it any more.')
  } catch (error) {
    throw await refused(error, { deployment, revision }, told => keep(inputs, heardOf(stream, manifest), told))
  } finally {
    stream?.close()
  }
  course.isDecided = true
  course.ranAt = performance.now()
  if (deployment.isShadowed) shadow(parts, request, { course, outputs, receivedAt })
  if (lot.isDrawn) await keep(inputs, outputs)
  return { ...begun, outputs, rows }
}

/** Writes down what has become of a request, where that is done. */
type Keep = (inputs: Complete, outputs: readonly OutputColumn[], error?: string) => Promise<void> | undefined

const keeper =
  (
    log: InferParts['log'],
    startedAt: number,
    request: Omit<AnsweredRequest, keyof Complete | 'outputs' | 'error' | 'latencyMs'>,
  ): Keep =>
  ({ columns, times }, outputs, error) =>
    log?.append(
      logLines({
        ...request,
        latencyMs: performance.now() - startedAt,
        columns,
        times,
        outputs,
        error,
      }),
    )

/** What is said of a request that has no answer. A fault of the model or its code is written down. */
async function refused(
  error: unknown,
  { deployment, revision }: { deployment: LiveDeployment; revision: LiveRevision },
  keep: (sentence: string) => Promise<void> | undefined,
): Promise<unknown> {
  // Who is turned away has met no model: there is no prediction to write down.
  if (error instanceof RequestError) return error
  const sentence = error instanceof Error ? error.message : String(error)
  await keep(sentence)
  const code = error instanceof ModelFault ? error.code : 'model_failed'
  return new RequestError(code, `Revision ${revision.number} of ${deployment.name} failed: ${sentence}`)
}

/** How long a generator may take to notice that nobody waits for it, in milliseconds; then its worker is ended. */
const closeMs = 5_000

/** A text may take as long as its request. */
const heardBy = (
  stream: TextStream | undefined,
  { until, runMs }: InferRequest,
): Pick<Patience, 'listener' | 'runMs'> | undefined =>
  stream && { listener: stream.listener, runMs: runMs ?? until - performance.now() + closeMs }

/** What has been answered of a text that is not whole. */
function heardOf(stream: TextStream | undefined, manifest: BundleManifest): readonly OutputColumn[] {
  const text = stream?.text() ?? ''
  return text === '' ? [] : [{ name: textName(manifest), datatype: 'BYTES', width: 1, values: [text] }]
}

/** Whether a request is written down that does not fail, by its own id: whoever draws again draws the same. */
const lotOf = (rules: RouteLog, id: string) => ({
  rules,
  isDrawn: rules.oneIn === 1 || hashToUnit(`log ${id}`) * rules.oneIn < 1,
})

/** How long a copy may wait for its turn, in milliseconds, and beside how many rows. */
const copyPatience = { ms: 5_000, queueRows: 1_000 }

/** Of a request whose answer is there. */
type Decided = { [Member in keyof Course]: NonNullable<Course[Member]> }

/** Has copies of an answered request met by its shadows. */
function shadow(
  { shadows, online }: InferParts,
  { deployment, content }: InferRequest,
  { course, outputs, receivedAt }: { course: Course; outputs: readonly OutputColumn[]; receivedAt: number },
): void {
  const { startedAt, ranAt, predictionId, revision, rows } = course as Decided
  shadows.follow({
    deployment,
    revision,
    predictionId,
    rows,
    outputs,
    ms: ranAt - startedAt,
    async ask(other) {
      const bound = sized(content(askedOf(other.model)))
      const until = performance.now() + copyPatience.ms
      const { keys, at } = bound
      const own = ownColumns(bound, other.model.manifest)
      const { columns } = isComplete(own)
        ? { columns: own }
        : await complete({ deployment, revision: other, bound, keys, at, online, receivedAt, until })
      return run(other, { rows: bound.rows, columns }, { until, queueRows: copyPatience.queueRows, isBatch: true })
    },
  })
}

/**
 * The revision that answers, and the rows in its terms. Who is asked about is known when the rows are: when their revision
 * is another than the one that has read them, it reads them again.
 */
function meet(
  table: InferParts['table'],
  { deployment, revision: named, content, unit, text }: InferRequest,
  { course, predictionId }: { course: Course; predictionId: string },
): { revision: LiveRevision; bound: Bound & Subjects } {
  const read = (key: string | undefined): { revision: LiveRevision; bound: Bound & Subjects } => {
    const revision = table.revision(deployment, { named, predictionId, unit: key })
    if (revision === course.revision) return first!
    course.revision = revision
    requireStreaming(text, deployment, revision)
    return { revision, bound: sized(content(askedOf(revision.model))) }
  }
  let first: ReturnType<typeof read> | undefined
  first = read(unit)
  const key = deployment.sticky === 'entity' && named === undefined ? first.bound.keys?.[0] : undefined
  return key === undefined ? first : read(key)
}

/** How many rows there are, and for each its key and instant when the request says so. */
function sized({ rows: given, columns, filled, keys, at }: Bound & Subjects): Bound & Subjects {
  const rows = given > 0 ? given : Math.max(keys?.length ?? 0, keys ? (at?.length ?? 0) : 0)
  if (rows === 0)
    throw badRequest(
      'There is nothing to predict: send "inputs", or parameters.entity to have features looked up.',
      'missing',
    )
  return { rows, columns, filled, keys: perRow('entity', keys, rows), at: perRow('event_time', at, rows) }
}

interface Completion extends Subjects {
  readonly deployment: LiveDeployment
  readonly revision: LiveRevision
  readonly bound: Bound
  readonly online: InferParts['online']
  readonly receivedAt: number
  readonly until: number
}

/** The model's inputs, and of those that were looked up since when they were true. */
interface Complete {
  readonly columns: readonly Column[]
  readonly times: Found['times'] | undefined
}

/** Those of the model's inputs: behind them stands what others are computed of. */
const ownColumns = ({ columns }: Bound, { signature: { inputs } }: BundleManifest): OwnColumns =>
  columns.length > inputs.length ? columns.slice(0, inputs.length) : columns

const isComplete = (columns: OwnColumns): columns is readonly Column[] => !columns.includes(undefined)

/** The inputs of a request of which some could not be made. */
const unmade = (own: OwnColumns, rows: number): Complete => ({
  columns: own.map(column => column ?? Array.from({ length: rows }, () => NaN)),
  times: undefined,
})

/** Makes, looks up and computes what the request does not bring. */
async function complete(completion: Completion): Promise<Complete> {
  const { deployment, revision, bound, keys, at, online, receivedAt, until } = completion
  const { manifest: model, requested } = revision.model
  const { inputs } = model.signature
  const own = await prepared(revision.model, bound, ownColumns(bound, model))
  if (isComplete(own)) return { columns: own, times: undefined }
  const { rows, filled } = bound
  const missing = inputs.filter((_, index) => own[index] === undefined)
  const features = requested?.plan.features.filter(({ name }) => missing.some(input => input.name === name)) ?? []
  const found = await lookUp(online, {
    project: deployment.project,
    model,
    missing: missing.filter(({ name }) => !features.some(feature => feature.name === name)),
    reads: requested ? readsOf(requested, features, bound) : [],
    rows,
    keys,
    at,
    filled,
    until,
  })
  const computed = requested && computeMissing({ requested, features, bound, found, keys, at, now: receivedAt })
  const columnOf = (name: string): Column => (found.columns.get(name) ?? computed?.get(name))!
  return { columns: inputs.map(({ name }, index) => own[index] ?? columnOf(name)), times: found.times }
}

const patienceOf = ({ deployment, until, runMs, isBatch }: InferRequest): Patience => ({
  until,
  runMs,
  isBatch,
  queueRows: deployment.limits.queueRows,
})

async function run(
  { model }: LiveRevision,
  { rows, columns }: Rows,
  patience: Patience,
): Promise<readonly OutputColumn[]> {
  const outputs = await model.batcher.run(rows, columns, patience)
  for (const { name, values } of outputs) {
    const bad = values.findIndex(value => typeof value === 'number' && !Number.isFinite(value))
    if (bad >= 0) throw new Error(`Output ${name} is ${String(values[bad])}.`)
  }
  const { postprocess } = model.code
  return postprocess ? [...outputs, ...(await servedOutputs(postprocess, outputs, rows))] : outputs
}
