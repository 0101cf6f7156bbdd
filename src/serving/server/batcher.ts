import { Tensor, type InferenceSession } from 'onnxruntime-node'
import type { Signature } from '#registry'
import type { Column } from './bind.ts'

/** One output for the rows of one request, row by row; `width` values for each row. */
export interface OutputColumn {
  readonly name: string
  readonly datatype: string
  readonly width: number
  readonly values: readonly (number | string | boolean)[]
}

/** Runs rows through a model. Rows that arrive in the same turn of the event loop share one run. */
export interface Batcher {
  run(rows: number, columns: readonly Column[]): Promise<readonly OutputColumn[]>
}

interface Waiting {
  readonly rows: number
  readonly columns: readonly Column[]
  resolve(outputs: readonly OutputColumn[]): void
  reject(error: unknown): void
}

/** A run takes at most this many rows, unless one request alone has more. */
const rowsPerRun = 256

/**
 * Greedy batching: no timer, nothing to tune. What has arrived when the session is free runs together; a lone request
 * waits for nobody. Measured twice as many requests per second as one run each, at half the latency (specs/5, 3.8).
 */
export function createBatcher(session: InferenceSession, signature: Signature): Batcher {
  const queue: Waiting[] = []
  let scheduled = false

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => void flush())
  }

  async function flush(): Promise<void> {
    const batch = take(queue)
    try {
      await runTogether(session, signature, batch)
    } catch (error) {
      // One request may not spoil the answers of the others.
      if (batch.length === 1) batch[0]!.reject(error)
      else for (const waiting of batch) await runTogether(session, signature, [waiting]).catch(waiting.reject)
    }
    scheduled = false
    if (queue.length > 0) schedule()
  }

  return {
    run(rows, columns) {
      return new Promise((resolve, reject) => {
        queue.push({ rows, columns, resolve, reject })
        schedule()
      })
    },
  }
}

function take(queue: Waiting[]): Waiting[] {
  let count = 1
  for (let rows = queue[0]!.rows; count < queue.length; count++) {
    rows += queue[count]!.rows
    if (rows > rowsPerRun) break
  }
  return queue.splice(0, count)
}

async function runTogether(
  session: InferenceSession,
  { inputs, outputs }: Signature,
  batch: readonly Waiting[],
): Promise<void> {
  const rows = batch.reduce((sum, waiting) => sum + waiting.rows, 0)
  const feeds: Record<string, Tensor> = {}
  for (const [index, { name, datatype, shape }] of inputs.entries()) {
    feeds[name] = toTensor(datatype, gather(batch, index, datatype, rows), shape.length === 1 ? [rows] : [rows, 1])
  }
  const answers = await session.run(feeds)
  let start = 0
  for (const waiting of batch) {
    const end = start + waiting.rows
    waiting.resolve(outputs.map(({ name, datatype }) => slice(answers[name]!, { name, datatype, rows, start, end })))
    start = end
  }
}

/** The columns of all requests one after the other, as an array of the tensor's type. */
function gather(
  batch: readonly Waiting[],
  index: number,
  datatype: string,
  rows: number,
): number[] | string[] | Float32Array {
  if (batch.length === 1 && datatype !== 'FP32') return batch[0]!.columns[index]!
  if (datatype !== 'FP32') return batch.flatMap(({ columns }) => columns[index] as number[])
  const values = new Float32Array(rows)
  let offset = 0
  for (const { columns } of batch) for (const value of columns[index] as number[]) values[offset++] = value
  return values
}

function toTensor(datatype: string, values: number[] | string[] | Float32Array, dims: readonly number[]): Tensor {
  const numbers = values as number[]
  switch (datatype) {
    case 'FP32':
      return new Tensor('float32', values as Float32Array, dims)
    case 'FP64':
      return new Tensor('float64', Float64Array.from(numbers), dims)
    case 'INT64':
      return new Tensor('int64', BigInt64Array.from(numbers, BigInt), dims)
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
