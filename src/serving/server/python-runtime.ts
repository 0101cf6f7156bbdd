import type { Signature } from '#registry'
import type { PythonRuntime } from '../bundle.ts'
import type { Runtime } from './runtime.ts'
import { startPython, type PythonSpec } from './worker-process.ts'
import { openWorker, type WorkerOptions } from './worker-runtime.ts'

/** What a Python worker is told to load. */
export interface ModelOrder extends Omit<PythonRuntime, 'kind' | 'lock'> {
  /** The folder of the model's files. */
  readonly folder: string
  readonly signature: Signature
}

export interface PythonOptions extends Pick<WorkerOptions, 'runMsMax' | 'firstPauseMs' | 'warn'> {
  readonly worker: PythonSpec
  readonly model: ModelOrder
}

/** A model in a Python process. Rejects when the first process does not load it. */
export function openPython({ worker, model, ...options }: PythonOptions): Promise<Runtime> {
  const { signature, ...order } = model
  const outputs = signature.outputs.map(({ name }) => name)
  return openWorker({
    ...options,
    signature,
    order: { ...order, outputs, memoryBytes: worker.memoryBytes },
    start: () => startPython(worker),
  })
}
