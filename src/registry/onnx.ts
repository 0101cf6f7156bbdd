import { invalid } from '#kernel/error.ts'
import { moduleAt } from '#kernel/place.ts'
import { quantile } from '#statistics'
import { createChildWorker, Refused } from '#storage'
import type { Signature } from './signature.ts'

/** Values of one tensor, row by row. Booleans are 0 and 1. */
export type Column = Float64Array | readonly string[]
/** The outputs of some rows by name; `width` values for each row. */
export type Outputs = Readonly<Record<string, { readonly width: number; readonly values: Column }>>

/**
 * ONNX models away from the event loop. ONNX Runtime blocks the thread that it runs on and a model is a stranger's
 * program, so it lives in a child process that ends after a minute without work; cancelling ends it at once.
 */
export interface Onnx {
  /** Loads a model file and says what it takes and gives. Throws `invalid` naming `model.name` when it is not ONNX. */
  inspect(model: ModelFile, signal?: AbortSignal): Promise<Signature>
  /** Runs rows through a model: a column for each of its inputs, all of length `rows`. */
  score(
    model: ModelFile,
    rows: number,
    columns: Readonly<Record<string, Column>>,
    signal?: AbortSignal,
  ): Promise<Outputs>
  /** How long the first row takes alone, in milliseconds, over a few hundred repeats. */
  latency(
    model: ModelFile,
    columns: Readonly<Record<string, Column>>,
    signal?: AbortSignal,
  ): Promise<{ readonly p50: number; readonly p99: number }>
  stop(): void
}

export interface ModelFile {
  readonly path: string
  /** What people call it in messages. */
  readonly name: string
}

export type OnnxRequest = { path: string } & (
  | { columns?: undefined }
  | { rows: number; columns: Readonly<Record<string, Column>>; repeats?: number }
)

const latencyRepeats = 300

const module = moduleAt('registry/onnx-worker')

export function createOnnx(): Onnx {
  const worker = createChildWorker<OnnxRequest, never>({ module })
  const call = <Answer>(model: string, request: OnnxRequest, signal?: AbortSignal): Promise<Answer> =>
    worker.call(request, signal).catch(error => {
      if (!(error instanceof Refused)) throw error
      const allowed = `an ONNX file whose inputs and outputs are tensors; ${error.message}`
      throw invalid(`${model} is not a model that can be used.`, [{ field: model, allowed }])
    })

  return {
    inspect: ({ path, name }, signal) => call(name, { path }, signal),
    score: ({ path, name }, rows, columns, signal) => call(name, { path, rows, columns }, signal),
    async latency({ path, name }, columns, signal) {
      const times = await call<Float64Array>(name, { path, rows: 1, columns, repeats: latencyRepeats }, signal)
      return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
    },
    stop: () => worker.stop(),
  }
}
