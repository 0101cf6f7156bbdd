import type { Tensor as OnnxTensor } from 'onnxruntime-node'
import { columnTensor, openSession } from '#kernel/onnx-session.ts'
import { Tensor } from '#kernel/onnxruntime.ts'
import type { Signature, Tensor as Input } from '#registry'
import type { Column } from './bind.ts'
import type { OutputColumn, Rows, Runtime } from './runtime.ts'

/**
 * ONNX Runtime in this process: no hop and no copy, but a run holds the event loop as long as it takes.
 * @param bytes The model file. Loaded from bytes, it finds no files beside it.
 */
export async function openOnnx(bytes: Uint8Array, signature: Signature): Promise<Runtime> {
  const before = process.memoryUsage.rss()
  const session = await openSession(bytes)
  const feedsOf = createFeeds(signature)
  const fetches = signature.outputs.map(({ name }) => name)
  return {
    rowsPerRun,
    rowsWaitingMax: 65_536,
    // Making a session holds the thread: what the process has grown by meanwhile is the session's.
    memoryBytes: Math.max(bytes.length, process.memoryUsage.rss() - before),
    async run(batch) {
      const rows = batch.reduce((sum, request) => sum + request.rows, 0)
      const answers = await session.run(feedsOf(batch, rows), fetches)
      return answersOf(signature, answers, batch, rows)
    },
    release: () => session.release(),
  }
}

type Feeds = Record<string, OnnxTensor>

const rowsPerRun = 256
/** Tensors that are kept, each with some hundred bytes beside its values. */
const keptMax = 1_000

/**
 * Makes the inputs of a run, which are the run's until it has ended: one runs at a time. Runs of the same number of rows
 * come again and again, so their tensors of FP32 are made once and filled anew.
 */
function createFeeds({ inputs }: Signature): (batch: readonly Rows[], rows: number) => Feeds {
  const kept = new Map<number, Feeds>()
  const isAllReal = inputs.every(({ datatype }) => datatype === 'FP32')
  return (batch, rows) => {
    let reals = kept.get(rows)
    if (!reals) {
      reals = realFeeds(inputs, rows)
      if (rows <= rowsPerRun && (kept.size + 1) * inputs.length <= keptMax) kept.set(rows, reals)
    }
    const feeds = isAllReal ? reals : { ...reals }
    for (const [index, { name, datatype, shape }] of inputs.entries()) {
      if (datatype === 'FP32') fill(feeds[name]!.data as Float32Array, batch, index)
      else feeds[name] = columnTensor(datatype, gather(batch, index), dimsOf(shape, rows))
    }
    return feeds
  }
}

const dimsOf = (shape: Input['shape'], rows: number): readonly number[] => (shape.length === 1 ? [rows] : [rows, 1])

/** The inputs of FP32, side by side in one piece of memory: a piece for each would cost more than filling it. */
function realFeeds(inputs: readonly Input[], rows: number): Feeds {
  const reals = inputs.filter(({ datatype }) => datatype === 'FP32')
  const all = new Float32Array(reals.length * rows)
  return Object.fromEntries(
    reals.map(({ name, shape }, place) => [
      name,
      new Tensor('float32', all.subarray(place * rows, (place + 1) * rows), dimsOf(shape, rows)),
    ]),
  )
}

/** The columns of all requests one after the other. */
function fill(values: Float32Array, batch: readonly Rows[], index: number): void {
  let offset = 0
  for (const { columns } of batch) {
    const column = columns[index] as ArrayLike<number>
    for (let row = 0; row < column.length; row++) values[offset++] = column[row]!
  }
}

const gather = (batch: readonly Rows[], index: number): Column =>
  batch.length === 1 ? batch[0]!.columns[index]! : batch.flatMap(({ columns }) => Array.from(columns[index]!))

/** What each request gets of the outputs. */
function answersOf(
  { outputs }: Signature,
  answers: Readonly<Record<string, OnnxTensor>>,
  batch: readonly Rows[],
  rows: number,
): OutputColumn[][] {
  const parts: OutputColumn[][] = batch.map(() => [])
  for (const { name, datatype } of outputs) {
    const { data } = answers[name]!
    const width = data.length / rows
    const show = shows[datatype]
    let start = 0
    for (const [index, request] of batch.entries()) {
      const end = start + request.rows * width
      parts[index]!.push({ name, datatype, width, values: valuesOf(data as ArrayLike<Value>, start, end, show) })
      start = end
    }
  }
  return parts
}

type Value = OutputColumn['values'][number]
type Show = (value: unknown) => Value

/** How elements become values, where they are none already. */
const shows: Readonly<Record<string, Show | undefined>> = { BOOL: Boolean, INT64: Number, UINT64: Number }

function valuesOf(data: ArrayLike<Value>, start: number, end: number, show: Show | undefined): Value[] {
  const values: Value[] = []
  for (let at = start; at < end; at++) values.push(show ? show(data[at]) : data[at]!)
  return values
}
