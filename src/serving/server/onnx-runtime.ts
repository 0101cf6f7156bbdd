import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Signature } from '#registry'
import type { Column } from './bind.ts'
import type { OutputColumn, Rows, Runtime } from './runtime.ts'

/**
 * ONNX Runtime in this process: no hop and no copy, but a run holds the event loop as long as it takes (specs/5, 0.1).
 * @param bytes The model file. Loaded from bytes, it finds no files beside it.
 */
export async function openOnnx(bytes: Uint8Array, signature: Signature): Promise<Runtime> {
  const before = process.memoryUsage.rss()
  const session = await InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  return {
    rowsPerRun: 256,
    rowsWaitingMax: 65_536,
    // Making a session holds the thread: what the process has grown by meanwhile is the session's.
    memoryBytes: Math.max(bytes.length, process.memoryUsage.rss() - before),
    run: batch => runTogether(session, signature, batch),
    release: () => session.release(),
  }
}

async function runTogether(
  session: InferenceSession,
  { inputs, outputs }: Signature,
  batch: readonly Rows[],
): Promise<readonly (readonly OutputColumn[])[]> {
  const rows = batch.reduce((sum, request) => sum + request.rows, 0)
  const feeds: Record<string, Tensor> = {}
  for (const [index, { name, datatype, shape }] of inputs.entries()) {
    feeds[name] = toTensor(datatype, gather(batch, index, datatype, rows), shape.length === 1 ? [rows] : [rows, 1])
  }
  const answers = await session.run(
    feeds,
    outputs.map(({ name }) => name),
  )
  let start = 0
  return batch.map(request => {
    const end = start + request.rows
    const parts = outputs.map(({ name, datatype }) => slice(answers[name]!, { name, datatype, rows, start, end }))
    start = end
    return parts
  })
}

/** The columns of all requests one after the other, as an array of the tensor's type. */
function gather(batch: readonly Rows[], index: number, datatype: string, rows: number): Column {
  if (batch.length === 1 && datatype !== 'FP32') return batch[0]!.columns[index]!
  if (datatype !== 'FP32') return batch.flatMap(({ columns }) => Array.from(columns[index]!))
  const values = new Float32Array(rows)
  let offset = 0
  for (const { columns } of batch) {
    const column = columns[index] as ArrayLike<number>
    for (let row = 0; row < column.length; row++) values[offset++] = column[row]!
  }
  return values
}

function toTensor(datatype: string, values: Column, dims: readonly number[]): Tensor {
  const numbers = values as ArrayLike<number>
  switch (datatype) {
    case 'FP32':
      return new Tensor('float32', values as Float32Array, dims)
    case 'FP64':
      return new Tensor('float64', Float64Array.from(numbers), dims)
    case 'INT64':
      return new Tensor('int64', BigInt64Array.from(values as number[], BigInt), dims)
    case 'INT32':
      return new Tensor('int32', Int32Array.from(numbers), dims)
    case 'BOOL':
      return new Tensor('bool', Uint8Array.from(numbers), dims)
    default:
      return new Tensor('string', values as string[], dims)
  }
}

interface Part {
  readonly name: string
  readonly datatype: string
  readonly rows: number
  readonly start: number
  readonly end: number
}

function slice({ data }: Tensor, { name, datatype, rows, start, end }: Part): OutputColumn {
  const width = data.length / rows
  const part =
    (data as Float32Array).subarray?.(start * width, end * width) ??
    (data as unknown as string[]).slice(start * width, end * width)
  const values =
    datatype === 'BOOL'
      ? Array.from(part, Boolean)
      : datatype.includes('64') && datatype !== 'FP64'
        ? Array.from(part, Number)
        : Array.from(part as ArrayLike<number | string>)
  return { name, datatype, width, values }
}
