import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Onnx, Signature } from '#registry'
import { quantile } from '#statistics'
import { checkoutTree, type Blobs } from '#storage'
import { modelFolder } from './bundle.ts'
import type { Interpreters } from './bundle-folder.ts'
import type { ProbeRequest } from './probe.ts'
import { parityOf, type Parity } from './same-answer.ts'
import { requireValue, type Column } from './server/bind.ts'
import { openPython, type ModelOrder } from './server/python-runtime.ts'
import type { OutputColumn, Runtime } from './server/runtime.ts'
import { encodeFrame } from './server/worker-frames.ts'
import { environmentOf, startPython, type PythonSpec } from './server/worker-process.ts'
import type { WorkerSettings } from './server-settings.ts'

/** As a probe is asked: its environment has the converters too, and to all of its rows both must give the same answers. */
export type ConversionRequest = ProbeRequest

/** A model as ONNX beside itself: how far their answers are apart, and how long one row takes each as it would be served, in milliseconds. */
export interface Converted extends Parity {
  readonly onnx: Uint8Array
  readonly onnxMs: number
  readonly pythonMs: number
}

interface ConversionParts {
  readonly blobs: Blobs
  readonly interpreters: Interpreters
  readonly workers: WorkerSettings
  readonly onnx: Pick<Onnx, 'score' | 'latency'>
}

const timedRuns = 200
const warmUpRuns = 20

/**
 * Writes a model of a framework as ONNX, in a worker that ends with it, and compares the two: the model is asked in another
 * worker, the ONNX file in the child process for such files. Throws in words when there is no such file.
 */
export async function convertModel(
  { blobs, interpreters, workers, onnx }: ConversionParts,
  { files, runtime, inputs, outputs, rows, signal, log }: ConversionRequest,
): Promise<Converted> {
  const python = await interpreters.use({ tree: files, lock: runtime.lock, signal, log })
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-convert-'))
  try {
    await checkoutTree(blobs, files, folder)
    const worker = { ...workers, python, readable: [folder, environmentOf(python)] }
    const known = outputs.map(name => ({ name, datatype: '', shape: [] }))
    const signature: Signature = { inputs: [...inputs], outputs: known }
    const order = { ...runtime, folder: join(folder, modelFolder), signature }
    const columns = inputs.map(
      ({ name, datatype }) => rows.map((row, at) => requireValue(row[name], datatype, { name, row: at })) as Column,
    )
    const { answers, pythonMs } = await askPython({ worker, order, columns, rows: rows.length, log })
    const file = await writeOnnx(worker, order, answers)
    const model = { path: join(folder, 'model.onnx'), name: 'The ONNX file' }
    await writeFile(model.path, file)
    const named = (count: number) =>
      Object.fromEntries(inputs.map(({ name, datatype }, at) => [name, scored(columns[at]!, datatype, count)]))
    const scores = await onnx.score(model, rows.length, named(rows.length), signal)
    const { p50: onnxMs } = await onnx.latency(model, named(1), signal)
    const parity = parityOf(
      answers.map(({ values }) => values),
      answers.map(({ name }) => scores[name]?.values ?? []),
    )
    return { onnx: file, ...parity, onnxMs, pythonMs }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const scored = (column: Column, datatype: string, count: number): Float64Array | readonly string[] => {
  const values = Array.from(column).slice(0, count)
  return datatype === 'BYTES' ? (values as string[]) : Float64Array.from(values, Number)
}

interface Asking {
  readonly worker: PythonSpec
  readonly order: ModelOrder
  readonly columns: readonly Column[]
  readonly rows: number
  log(line: string): void
}

async function askPython({
  worker,
  order,
  columns,
  rows,
  log,
}: Asking): Promise<{ answers: readonly OutputColumn[]; pythonMs: number }> {
  const runtime = await openPython({ worker, model: order, warn: log })
  try {
    const [answers] = await runtime.run([{ rows, columns }])
    return { answers: answers!, pythonMs: await oneRowMs(runtime, columns) }
  } finally {
    await runtime.release()
  }
}

async function oneRowMs(runtime: Runtime, columns: readonly Column[]): Promise<number> {
  const first = { rows: 1, columns: columns.map(column => [column[0]!] as Column) }
  const times: number[] = []
  for (let run = -warmUpRuns; run < timedRuns; run++) {
    const begun = performance.now()
    await runtime.run([first])
    if (run >= 0) times.push(performance.now() - begun)
  }
  return quantile(Float64Array.from(times), 0.5)
}

async function writeOnnx(
  spec: PythonSpec,
  { signature, ...order }: ModelOrder,
  answers: readonly OutputColumn[],
): Promise<Uint8Array> {
  const worker = await startPython(spec)
  try {
    const { inputs } = signature
    const known = answers.map(({ name, datatype, width }) => ({ name, datatype, width }))
    const frame = encodeFrame({ op: 'convert', ...order, inputs, known, memoryBytes: spec.memoryBytes })
    const { header, tail } = await worker.ask(frame)
    const { error } = header as { error?: string }
    if (error !== undefined) throw new Error(error)
    return tail
  } finally {
    worker.kill()
    await worker.ended
  }
}
