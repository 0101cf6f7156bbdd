import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { modelFile, modelFolder, pythonLink, type BundleManifest } from '../bundle.ts'
import type { WorkerSettings } from '../server-settings.ts'
import { openOnnx } from './onnx-runtime.ts'
import { openPython } from './python-runtime.ts'
import type { Runtime } from './runtime.ts'
import { environmentOf } from './worker-process.ts'

/** Loads the model of a bundle in the runtime that its manifest names. Rejects with a sentence that says what is wrong. */
export async function openRuntime(
  folder: string,
  { runtime, signature }: BundleManifest,
  workers: WorkerSettings,
): Promise<Runtime> {
  if (runtime.kind === 'graph') throw new TypeError('A graph has no runtime of its own.')
  if (runtime.kind === 'onnx') return openOnnx(await readFile(join(folder, modelFile)), signature)
  const python = await readlink(join(folder, pythonLink)).catch(() => {
    throw new Error('Its Python environment is not there; the control plane builds it when it deploys or starts.')
  })
  return openPython({
    worker: { ...workers, python, readable: [folder, environmentOf(python)] },
    model: { ...runtime, folder: join(folder, modelFolder), signature },
    warn: sentence => void process.stderr.write(`${sentence}\n`),
  })
}
