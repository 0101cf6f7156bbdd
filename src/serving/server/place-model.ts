import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { modelFile, modelFolder, pythonLink, type BundleManifest } from '../bundle.ts'
import type { WorkerSettings } from '../server-settings.ts'
import { keptPlacement } from './kept-placement.ts'
import type { OnnxScale } from './onnx-scale.ts'
import { mayTurn } from './onnx-turns.ts'
import { placedOnnx, type PlacedModel } from './placed-onnx.ts'
import { placementSentence, type Placement } from './placement.ts'
import { openPython } from './python-runtime.ts'
import type { Rows } from './runtime.ts'
import { environmentOf, type PythonSpec } from './worker-process.ts'

export interface PlaceParts {
  /** How the workers of models are kept from the machine. */
  readonly workers: WorkerSettings
  readonly scale: OnnxScale
}

/**
 * Finds the runtime that the manifest of a bundle names, and where it computes. Rejects with a sentence that says what is
 * wrong with the model.
 */
export async function placeModel(
  folder: string,
  { runtime, signature, model, number }: BundleManifest,
  { example, workers, scale }: PlaceParts & { readonly example: Rows },
): Promise<PlacedModel> {
  if (runtime.kind === 'graph') throw new TypeError('A graph has no runtime of its own.')
  if (runtime.kind === 'python') {
    const order = { ...runtime, folder: join(folder, modelFolder), signature }
    const placement = { place: 'process', rowMs: undefined, why: 'it is in Python' } as const
    return {
      placement,
      open: async () => openPython({ worker: await pythonSpec(folder, workers), model: order, warn }),
    }
  }
  const order = { file: join(folder, modelFile), signature }
  const placement = await keptPlacement(folder, {
    weigh: () => scale.weigh(order, example),
    mayTurn: async () => mayTurn(await readFile(order.file)),
  })
  const say = (told: Placement): void => warn(placementSentence(`${model} ${number}`, told))
  say(placement)
  return placedOnnx({ order, folder, workers, moved: say, warn }, placement)
}

const warn = (sentence: string): void => void process.stderr.write(`${new Date().toISOString()} ${sentence}\n`)

async function pythonSpec(folder: string, workers: WorkerSettings): Promise<PythonSpec> {
  const python = await readlink(join(folder, pythonLink)).catch(() => {
    throw new Error('Its Python environment is not there; the control plane builds it when it deploys or starts.')
  })
  return { ...workers, python, readable: [folder, environmentOf(python)] }
}
