import { messageOf, notFound } from '#kernel/error.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { ModelVersion } from '#registry'
import { enlarged, type Golden } from '#serving'
import type { RunTask, TaskCall, TaskResult } from '#workflow'
import { completeRows } from './golden.ts'
import type { DeliveryParts } from './parts.ts'
import { pythonFiles, requireDeployable, type Registered } from './registered.ts'
import type { Conversion } from './store.ts'
import { task, textParam } from './task.ts'

/** Versions of frameworks are also written as ONNX, where that is exact: it is then what a deployment answers with, if it answers sooner. */

export const conversionPipeline = 'convert'

const flavors: ReadonlySet<string> = new Set(['sklearn', 'xgboost', 'lightgbm'])
/** What writes ONNX files of their models. */
const converters = ['skl2onnx', 'onnxmltools']
const methods: ReadonlySet<string> = new Set(['predict', 'predict_proba'])
/** Rows that are compared: as many as there are, and drawn ones where those are few. */
const [rowsMin, rowsMax] = [1_000, 2_000]

const isConvertible = (version: ModelVersion): boolean => {
  try {
    requireDeployable(version)
    return flavors.has(version.flavor ?? '')
  } catch {
    return false
  }
}

/** The run that converts a version, started unless there is one; none of a version that is not converted. */
export async function startConversion(
  { workflow, conversions }: Pick<DeliveryParts, 'workflow' | 'conversions'>,
  version: ModelVersion,
): Promise<Awaited<ReturnType<DeliveryParts['workflow']['start']>> | undefined> {
  if (conversions === 'off' || !isConvertible(version)) return undefined
  const { project, id, fullName, version: number } = version
  const tasks: Record<string, RunTask> = {
    convert: task({ uses: 'delivery.convert', params: { version: id }, timeout: '30m' }),
  }
  const reason = `Version ${number} of ${fullName} may answer sooner as ONNX.`
  return workflow.start({
    project,
    pipeline: conversionPipeline,
    tasks,
    params: { version: id },
    cause: { kind: 'event', reason, ref: id },
    actor: version.user,
    key: `convert/${id}`,
  })
}

/** A version was registered: it is converted at once, where that is not left to its deployment. */
export async function onRegistered(parts: DeliveryParts, id: string): Promise<void> {
  if (parts.conversions === 'registration') await startConversion(parts, await parts.registry.version(id))
}

/** What a deployment waits for before it bundles a version. */
export async function awaitConversion(parts: DeliveryParts, version: ModelVersion): Promise<TaskResult | undefined> {
  const run = await startConversion(parts, version)
  if (!run || !['queued', 'running'].includes(run.state)) return undefined
  return { waitMs: parts.lookEveryMs ?? 1_000, waitingFor: `run ${run.id}, which writes the version as ONNX` }
}

/** Task `delivery.convert`. That a version cannot be written as ONNX, or its environment not be made, is a finding and no failure. */
export async function convert(parts: DeliveryParts, call: TaskCall): Promise<TaskResult> {
  const version = await parts.registry.version(textParam(call, 'version'))
  requireDeployable(version)
  const found = await attempt(parts, version, call).catch((error: unknown) => {
    call.signal.throwIfAborted()
    return { outcome: 'none', reason: `It is not written as ONNX: ${messageOf(error)}` } as const
  })
  await parts.store.keepConversion({ version: version.id, ...found, at: parts.clock.now() })
  call.log(found.reason)
  return {}
}

type Found = Omit<Conversion, 'version' | 'at'>

async function attempt(parts: DeliveryParts, version: Registered, call: TaskCall): Promise<Found> {
  const { signal, log } = call
  const { runtime, files, example } = await pythonFiles(parts, version, call, converters)
  if (!flavors.has(runtime.loader) || !methods.has(runtime.call ?? 'predict'))
    return { outcome: 'none', reason: `What ${runtime.loader} loads is not written as ONNX.` }
  const { inputs, outputs } = version.signature
  const given = await example(rowsMax)
  const trained = await trainingRows(parts, version, signal)
  if (!trained && !given.isGiven)
    return { outcome: 'none', reason: 'There are no rows to compare it on: log it with an example of its input.' }
  const rows = enlarged(inputs, trained ?? given.rows, rowsMin)
  const sample = trained ? 'training data' : 'example'
  const { onnx, ...parity } = await parts.convert({
    files: (await parts.blobs.put(canonicalJson(files))).digest,
    runtime,
    inputs,
    outputs: outputs.map(({ name }) => name),
    rows,
    signal,
    log,
  })
  const { digest, size } = await parts.blobs.put(onnx)
  return judged({ onnx: digest, bytes: size, rows: rows.length, sample, ...parity })
}

type Measured = Required<Omit<Found, 'outcome' | 'reason'>>

/** The same answers, and sooner, or why not. */
export function judged(found: Measured): Found {
  const { rows, sample, differing, maxDelta, onnxMs, pythonMs } = found
  const tried = `${rows} rows of its ${sample}`
  if (differing > 0)
    return {
      ...found,
      outcome: 'inexact',
      reason: `It gives other answers as ONNX: ${differing} values on ${tried}, by up to ${maxDelta.toPrecision(3)}. Python answers.`,
    }
  const equal = `It gives the same answers as ONNX (largest difference ${maxDelta.toPrecision(3)} on ${tried})`
  const times = `${onnxMs.toPrecision(2)} ms a row against ${pythonMs.toPrecision(2)} ms in Python`
  return onnxMs < pythonMs
    ? { ...found, outcome: 'faster', reason: `${equal}, and sooner, ${times}: ONNX answers.` }
    : { ...found, outcome: 'slower', reason: `${equal}, but not sooner, ${times}: Python answers.` }
}

/** Rows of the first table behind the version that has all of its inputs. */
async function trainingRows(
  parts: DeliveryParts,
  version: Registered,
  signal: AbortSignal,
): Promise<readonly Golden['inputs'][] | undefined> {
  const { inputs } = version.signature
  for (const digest of await parts.dataBehind(version)) {
    const path = await parts.blobs.path(digest).catch(() => undefined)
    if (path === undefined) continue
    const rows = await completeRows(parts, { path, inputs, rowsMax, signal }).catch(() => [])
    signal.throwIfAborted()
    if (rows.length > 0) return rows
  }
  return undefined
}

/** Throws `not_found` when nobody has tried. */
export async function conversionOf({ store }: Pick<DeliveryParts, 'store'>, version: string): Promise<Conversion> {
  const found = await store.conversion(version)
  if (found) return found
  throw notFound('conversion of', version)
}
