import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Digest } from '#kernel/digest.ts'
import { TrainyardError } from '#kernel/error.ts'
import { outputKey } from '#registry/output-key.ts'
import type { Tensor } from '#registry'
import { checkoutTree, type Blobs } from '#storage'
import { modelFolder, type Golden, type PythonRuntime } from './bundle.ts'
import type { Interpreters } from './bundle-folder.ts'
import { requireValue, type Column } from './server/bind.ts'
import { RequestError } from './server/request-error.ts'
import { openPython } from './server/python-runtime.ts'
import { ModelFault, type OutputColumn } from './server/runtime.ts'
import { environmentOf } from './server/worker-process.ts'
import type { WorkerSettings } from './server-settings.ts'

export interface ProbeRequest {
  /** A tree with the files of the model in `model/` and the lock file of its environment. */
  readonly files: Digest
  readonly runtime: PythonRuntime
  readonly inputs: readonly Tensor[]
  /** Names of the outputs that are known. */
  readonly outputs: readonly string[]
  readonly rows: readonly Golden['inputs'][]
  readonly signal: AbortSignal
  log(line: string): void
}

export interface Probe {
  /** What it answers, by name, with the datatypes that its values have. */
  readonly outputs: readonly Tensor[]
  readonly golden: readonly Golden[]
}

/**
 * Runs a few rows through a Python model in a worker of its own, outside of any server: what it answers, and known answers
 * for its rehearsal. Throws `task_failed` with the model's own words when it cannot be loaded or does not answer.
 */
export async function probeModel(
  { blobs, interpreters, workers }: { blobs: Blobs; interpreters: Interpreters; workers: WorkerSettings },
  { files, runtime, inputs, outputs, rows, signal, log }: ProbeRequest,
): Promise<Probe> {
  const python = await interpreters.use({ tree: files, lock: runtime.lock, signal, log })
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-probe-'))
  try {
    await checkoutTree(blobs, files, folder)
    const signature = { inputs: [...inputs], outputs: outputs.map(name => ({ name, datatype: '', shape: [] })) }
    const opened = await openPython({
      worker: { ...workers, python, readable: [folder, environmentOf(python)] },
      model: { ...runtime, folder: join(folder, modelFolder), signature },
      warn: log,
    }).catch(failed)
    try {
      const [answer] = await opened.run([{ rows: rows.length, columns: columnsOf(inputs, rows) }]).catch(failed)
      return probeOf(answer!, rows)
    } finally {
      await opened.release()
    }
  } catch (error) {
    if (error instanceof RequestError) throw failure(error.message)
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const failure = (why: string): TrainyardError =>
  new TrainyardError('task_failed', `The model does not answer: ${why}`, { cause: { kind: 'model' } })

function failed(error: unknown): never {
  throw error instanceof ModelFault ? failure(error.message) : failure(`its worker ${(error as Error).message}`)
}

const columnsOf = (inputs: readonly Tensor[], rows: readonly Golden['inputs'][]): Column[] =>
  inputs.map(
    ({ name, datatype }) => rows.map((row, index) => requireValue(row[name], datatype, { name, row: index })) as Column,
  )

function probeOf(outputs: readonly OutputColumn[], rows: readonly Golden['inputs'][]): Probe {
  return {
    outputs: outputs.map(({ name, datatype, width }) => ({ name, datatype, shape: width === 1 ? [-1] : [-1, width] })),
    golden: rows.map((inputs, row) => ({
      inputs,
      outputs: Object.fromEntries(
        outputs.flatMap(({ name, width, values }) =>
          Array.from({ length: width }, (_, column) => [outputKey(name, width, column), values[row * width + column]!]),
        ),
      ),
    })),
  }
}
