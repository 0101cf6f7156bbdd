import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputKey } from '#registry/output-key.ts'
import { createBatcher, type Batcher } from '../batcher.ts'
import { beginCourse, infer, type Inference } from '../infer.ts'
import { requestedOf, type LoadedModel } from '../loaded-model.ts'
import { openOnnx } from '../onnx-runtime.ts'
import { loadServingCode, type ServingCode } from '../serving-code.ts'
import { predictionsOf } from '../predictions.ts'
import type { LiveRevision } from '../route-table.ts'
import { bindTable, tableOfRecords } from '../table.ts'
import type { Copy } from './copy.ts'
import { openTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'

/**
 * The program of an embedded package: one revision of a deployment inside somebody else's Node.js process. It checks, runs
 * and writes down as the model server does, by the same code; what is written down goes to the platform afterwards.
 */

type BundleManifest = LoadedModel['manifest']
type Golden = BundleManifest['golden'][number]

export interface OpenOptions {
  /** Where predictions are told; `false` is nowhere. TRAINYARD_TELEMETRY_URL and TRAINYARD_TELEMETRY_TOKEN when left out. */
  readonly telemetry?: TelemetryOptions | false
}

export interface Answer {
  /** One for each row: the value of a single output, an object of several. */
  readonly predictions: readonly unknown[]
  readonly prediction_ids: readonly string[]
  /** Inputs of which missing values were filled, as the project says. */
  readonly filled: readonly string[]
}

export interface EmbeddedModel extends Pick<Copy, 'deployment' | 'revision' | 'number'> {
  /** Answers rows of inputs by name. Rejects with the sentence that the model server says. */
  predict(rows: readonly object[]): Promise<Answer>
  telemetry: Telemetry['state']
  /** Writes down what has been answered, tries once to send it, and lets the model go. */
  close(): Promise<void>
}

/** Loads the model. Rejects when its files are not those that were released, or do not answer as they did. */
export async function open({ telemetry: told }: OpenOptions = {}): Promise<EmbeddedModel> {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const copy = JSON.parse(await readFile(join(folder, 'copy.json'), 'utf8')) as Copy
  const manifest = JSON.parse(await readFile(join(folder, 'bundle.json'), 'utf8')) as BundleManifest
  const bytes = await readFile(join(folder, 'model.onnx'))
  const digest = createHash('sha256').update(bytes).digest('hex')
  if (digest !== copy.model) throw new Error(`model.onnx is ${digest}, released was ${copy.model}.`)
  const runtime = await openOnnx(bytes, manifest.signature)
  const batcher = createBatcher(runtime)
  const code = await loadServingCode(folder, copy.code, manifest.preprocess)
  for (const row of manifest.golden) await requireGolden(batcher, manifest, row)
  const telemetry = telemetryOf(copy, told)
  const requested = requestedOf(manifest)
  return {
    ...copy,
    predict: rows => predict({ copy, manifest, requested, batcher, code, telemetry }, rows),
    telemetry: () => telemetry?.state() ?? { sent: 0, refused: 0, dropped: 0 },
    async close() {
      await telemetry?.close()
      await runtime.release()
    },
  }
}

/** Undefined where nobody is told of predictions. */
function telemetryOf(copy: Copy, told: OpenOptions['telemetry']): Telemetry | undefined {
  // oxlint-disable-next-line node/no-process-env -- the host's settings are where it runs
  const { TRAINYARD_TELEMETRY_URL: url, TRAINYARD_TELEMETRY_TOKEN: token } = process.env
  const options = told ?? (url ? { url, ...(token && { token }) } : false)
  return options === false ? undefined : openTelemetry(copy.deployment, options)
}

interface Parts {
  readonly copy: Copy
  readonly manifest: BundleManifest
  readonly requested: LoadedModel['requested']
  readonly batcher: Batcher
  readonly code: ServingCode
  readonly telemetry: Telemetry | undefined
}

const waitMs = 30_000

async function predict(
  { copy, manifest, requested, batcher, code, telemetry }: Parts,
  rows: readonly object[],
): Promise<Answer> {
  const idle = { release: async () => {}, loadMs: 0, memoryBytes: () => 0, placement: () => undefined }
  const model = { manifest, requested, batcher, code, isStreaming: false, ...idle }
  const { revision: id, number, version, deployment: name, log } = copy
  const revision: LiveRevision = { id, number, version, weight: 100, shadow: 0, model }
  const deployment = { name, project: manifest.project, limits: {}, log, revisions: [revision], former: [] }
  const course = beginCourse()
  const inference: Inference = await infer(
    { table: { revision: () => revision }, log: telemetry, online: undefined, shadows: { follow() {} } },
    {
      deployment: { ...deployment, isGraph: false, isShadowed: false, isUnloaded: false },
      revision: undefined,
      content: known => bindTable(known, tableOfRecords(rows, 'dataframe_records'), { strict: false }),
      until: course.startedAt + waitMs,
    },
    course,
  )
  const { ids, filled } = inference
  return { predictions: predictionsOf(inference), prediction_ids: ids, filled }
}

/** How far an answer may be from the one that was released: another build of ONNX Runtime rounds otherwise. */
const [absolute, relative] = [1e-5, 1e-4] as const

async function requireGolden(batcher: Batcher, { signature }: BundleManifest, golden: Golden): Promise<void> {
  const columns = signature.inputs.map(({ name }) => {
    const value = golden.inputs[name]
    return [typeof value === 'boolean' ? Number(value) : (value ?? NaN)]
  })
  for (const { name, width, values } of await batcher.run(1, columns))
    for (const [column, value] of values.entries()) {
      const expected = golden.outputs[outputKey(name, width, column)]
      const isNear =
        typeof expected === 'number' && typeof value === 'number'
          ? Math.abs(value - expected) <= absolute + relative * Math.abs(expected)
          : expected === undefined || value === expected
      if (!isNear)
        throw new Error(`Output ${name} of a known row is ${String(value)}, released was ${String(expected)}.`)
    }
}
