import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BundleManifest, manifestFile } from '../bundle.ts'
import { loadGraph } from './load-graph.ts'
import type { GraphParts } from './graph.ts'
import type { ModelMemory } from './model-memory.ts'
import { createBatcher, type Batcher } from './batcher.ts'
import { requireValue, type Column } from './bind.ts'
import { forget } from './run-tally.ts'
import { placeModel, type PlaceParts } from './place-model.ts'
import { loadServingCode } from './serving-code.ts'
import { requestedOf, type LoadedModel } from './loaded-model.ts'

export interface LoadParts extends PlaceParts {
  readonly memory: ModelMemory
  /** What graphs ask. */
  readonly graphs: GraphParts
}

const warmUpRuns = 20
const warmUpRows = [1, 8]
/** Slow models are warm after fewer runs. */
const warmUpMsMax = 1_000

/** Loads a bundle from its folder and runs it until it is fast. Throws with a sentence that says what is wrong with it. */
export async function loadModel(folder: string, { memory, graphs, ...parts }: LoadParts): Promise<LoadedModel> {
  const startedAt = performance.now()
  const manifest = await manifestOf(folder)
  if (manifest.runtime.kind === 'graph') return loadGraph(folder, manifest, graphs)
  const requested = requestedOf(manifest)
  const example = { rows: 1, columns: exampleColumns(manifest, 1) }
  const placed = await placeModel(folder, manifest, { ...parts, example })
  const runtime = await memory.hold(() => placed.open())
  const batcher = createBatcher(runtime)
  const { isStreaming = false } = runtime
  try {
    const code = await loadServingCode(folder, manifest.serving, manifest.preprocess)
    await warmUp(batcher, manifest, isStreaming ? [1] : warmUpRows)
    forget(batcher.tally)
    return {
      manifest,
      requested,
      batcher,
      isStreaming,
      code,
      loadMs: performance.now() - startedAt,
      placement: () => placed.placement,
      memoryBytes: () => runtime.memoryBytes,
      release: () => runtime.release(),
    }
  } catch (error) {
    await runtime.release()
    throw error
  }
}

const manifestOf = async (folder: string): Promise<BundleManifest> =>
  BundleManifest.parse(JSON.parse(await readFile(join(folder, manifestFile), 'utf8')))

async function warmUp(batcher: Batcher, manifest: BundleManifest, sizes: readonly number[]): Promise<void> {
  const until = performance.now() + warmUpMsMax
  for (const rows of sizes)
    for (let run = 0; run < warmUpRuns && (run === 0 || performance.now() < until); run++)
      await batcher.run(rows, exampleColumns(manifest, rows))
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
