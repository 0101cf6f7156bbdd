import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BundleManifest, manifestFile } from '../bundle.ts'
import type { WorkerSettings } from '../server-settings.ts'
import type { ModelMemory } from './model-memory.ts'
import { createBatcher, type Batcher } from './batcher.ts'
import { requireValue, type Column } from './bind.ts'
import { forget } from './run-tally.ts'
import { openRuntime } from './open-runtime.ts'
import type { OutputColumn } from './runtime.ts'

/** Values of the outputs as serving code sees them: one for each row, or a list for each row of an output of several columns. */
export type RowsByOutput = Readonly<Record<string, readonly unknown[]>>
/** (24) Serving code: adds outputs of its own to those of the model, one value for each row. */
export type Postprocess = (outputs: RowsByOutput) => RowsByOutput | Promise<RowsByOutput>

/** A bundle that can answer. */
export interface LoadedModel {
  readonly manifest: BundleManifest
  readonly batcher: Batcher
  readonly postprocess: Postprocess | undefined
  /** What it takes now; 0 while it rests. */
  memoryBytes(): number
  release(): Promise<void>
}

export interface LoadParts {
  /** How the Python workers of models are kept from the machine. */
  readonly workers: WorkerSettings
  readonly memory: ModelMemory
}

const warmUpRuns = 20
const warmUpRows = [1, 8]
/** Slow models are warm after fewer runs. */
const warmUpMsMax = 1_000

/** Loads a bundle from its folder and runs it until it is fast. Throws with a sentence that says what is wrong with it. */
export async function loadModel(folder: string, { workers, memory }: LoadParts): Promise<LoadedModel> {
  const manifest = BundleManifest.parse(JSON.parse(await readFile(join(folder, manifestFile), 'utf8')))
  const runtime = await memory.hold(() => openRuntime(folder, manifest, workers))
  const batcher = createBatcher(runtime)
  try {
    const postprocess = manifest.serving === undefined ? undefined : await loadServingCode(folder, manifest.serving)
    await warmUp(batcher, manifest)
    forget(batcher.tally)
    return { manifest, batcher, postprocess, memoryBytes: () => runtime.memoryBytes, release: () => runtime.release() }
  } catch (error) {
    await runtime.release()
    throw error
  }
}

async function warmUp(batcher: Batcher, manifest: BundleManifest): Promise<void> {
  const until = performance.now() + warmUpMsMax
  for (const rows of warmUpRows)
    for (let run = 0; run < warmUpRuns && (run === 0 || performance.now() < until); run++)
      await batcher.run(rows, exampleColumns(manifest, rows))
}

async function loadServingCode(folder: string, path: string): Promise<Postprocess> {
  const code = (await import(pathToFileURL(join(folder, path)).href)) as { postprocess?: unknown }
  if (typeof code.postprocess === 'function') return code.postprocess as Postprocess
  throw new Error(`${path} does not export a function named postprocess.`)
}

/** Rows for the warm-up: a golden row, zeros without one. */
function exampleColumns({ signature, golden }: BundleManifest, rows: number): Column[] {
  const example = golden[0]?.inputs ?? {}
  return signature.inputs.map(({ name, datatype }) => {
    const value = example[name] ?? (datatype === 'BYTES' ? '' : 0)
    return Array.from({ length: rows }, (_, row) =>
      requireValue(typeof value === 'boolean' ? Number(value) : value, datatype, { name, row }),
    ) as Column
  })
}

/**
 * The outputs of the serving code, checked: one value of one kind for each row. Throws with a sentence that names the
 * output, since what is wrong is the code and not the request.
 */
export async function servedOutputs(
  postprocess: Postprocess,
  outputs: readonly OutputColumn[],
  rows: number,
): Promise<OutputColumn[]> {
  const given = Object.fromEntries(outputs.map(output => [output.name, byRow(output, rows)]))
  const answer = postprocess(given)
  const added = answer instanceof Promise ? await answer : answer
  return Object.entries(added ?? {}).map(([name, values]) => {
    if (!Array.isArray(values) || values.length !== rows)
      throw new Error(`Serving code: output ${name} must be a list with one value for each of ${rows} rows.`)
    const datatype = datatypeOfValues(values)
    if (!datatype)
      throw new Error(`Serving code: output ${name} must hold texts, finite numbers or truth values, all of one kind.`)
    return { name, datatype, width: 1, values: values as OutputColumn['values'] }
  })
}

const byRow = ({ values, width }: OutputColumn, rows: number): readonly unknown[] =>
  width === 1 ? values : Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width))

function datatypeOfValues(values: readonly unknown[]): string | undefined {
  if (values.every(value => typeof value === 'string')) return 'BYTES'
  if (values.every(value => typeof value === 'number' && Number.isFinite(value))) return 'FP64'
  return values.every(value => typeof value === 'boolean') ? 'BOOL' : undefined
}
