import type { Signature } from '#registry'
import type { Column } from './bind.ts'
import type { OutputColumn, Rows } from './runtime.ts'
import { encodeFrame, type Frame } from './worker-frames.ts'

/** Rows and outputs as the frames between the server and a worker hold them, in both directions. */

const arrayOf = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT64: BigInt64Array,
  INT32: Int32Array,
  BOOL: Uint8Array,
} as const

const isNumeric = (datatype: string): datatype is keyof typeof arrayOf => Object.hasOwn(arrayOf, datatype)

/** The rows of all requests one after the other, as the worker takes them; what it shall do with them is `op`; `stream` is for one row, and answers it in parts. */
export function encodeRows(
  { inputs }: Signature,
  batch: readonly Rows[],
  op: 'run' | 'measure' | 'stream' = 'run',
): Buffer {
  const rows = batch.reduce((sum, request) => sum + request.rows, 0)
  const parts: Uint8Array[] = []
  const described = inputs.map(({ name, datatype }, index) => {
    const columns = batch.map(({ columns }) => columns[index]!)
    const width = columns[0]!.length / batch[0]!.rows
    if (!isNumeric(datatype))
      return { name, datatype, width, values: columns.flatMap(column => Array.from(column as string[])) }
    parts.push(rawColumn(datatype, columns))
    return { name, datatype, width }
  })
  return encodeFrame({ op, rows, inputs: described }, parts)
}

function rawColumn(datatype: keyof typeof arrayOf, columns: readonly Column[]): Uint8Array {
  const length = columns.reduce((sum, column) => sum + column.length, 0)
  const values = new arrayOf[datatype](length)
  let offset = 0
  for (const column of columns)
    for (let row = 0; row < column.length; row++)
      if (values instanceof BigInt64Array) values[offset++] = BigInt(column[row]!)
      else values[offset++] = Number(column[row])
  return new Uint8Array(values.buffer)
}

/** What {@link encodeRows} has written, as one request. Throws when it has not the bytes that it describes. */
export function decodeRows({ header, tail }: Frame): Rows {
  const { rows, inputs } = header as { rows: number; inputs: readonly WorkerColumn[] }
  return { rows, columns: decodeColumns(inputs, tail, rows).map(({ values }) => values as Column) }
}

/** A column of all rows, as a frame describes it. */
export interface WorkerColumn {
  readonly name: string
  readonly datatype: string
  readonly width: number
  readonly values?: readonly string[]
  /** The datatype of its bytes, where that is another one. */
  readonly held?: keyof typeof arrayOf
}

/** The outputs of one request. Numbers of any datatype are doubles here as they are in an answer: none is changed. */
export function encodeOutputs(outputs: readonly OutputColumn[], about: object): Buffer {
  const parts: Uint8Array[] = []
  const described = outputs.map(({ name, datatype, width, values }) => {
    if (datatype === 'BYTES') return { name, datatype, width, values }
    const held = datatype === 'BOOL' ? 'BOOL' : 'FP64'
    parts.push(new Uint8Array(arrayOf[held].from(values as readonly number[]).buffer))
    return { name, datatype, width, held }
  })
  return encodeFrame({ ...about, outputs: described }, parts)
}

/** The answer to {@link encodeRows}, for each request its part. Throws when it has not the bytes that it describes. */
export function decodeOutputs(
  outputs: readonly WorkerColumn[],
  tail: Buffer,
  batch: readonly Rows[],
): readonly (readonly OutputColumn[])[] {
  const rows = batch.reduce((sum, request) => sum + request.rows, 0)
  const whole = decodeColumns(outputs, tail, rows)
  let start = 0
  return batch.map(request => {
    const [from, to] = [start, start + request.rows]
    start = to
    return whole.map(output => ({ ...output, values: output.values.slice(from * output.width, to * output.width) }))
  })
}

function decodeColumns(described: readonly WorkerColumn[], tail: Buffer, rows: number): OutputColumn[] {
  let offset = 0
  const whole = described.map(({ name, datatype, width, values: texts, held = datatype }) => {
    if (!isNumeric(held)) return { name, datatype, width, values: texts ?? [] }
    const bytes = rows * width * arrayOf[held].BYTES_PER_ELEMENT
    // A copy: typed arrays begin at multiples of their elements' size.
    const part = Uint8Array.from(tail.subarray(offset, offset + bytes))
    offset += bytes
    return { name, datatype, width, values: valuesOf(held, part) }
  })
  const odd = whole.find(({ width, values }) => values.length !== rows * width)
  if (odd || offset !== tail.length) throw new RangeError(`Column ${odd?.name ?? 'data'} is not as long as it says.`)
  return whole
}

function valuesOf(datatype: keyof typeof arrayOf, bytes: Uint8Array<ArrayBuffer>): (number | boolean)[] {
  const values = new arrayOf[datatype](bytes.buffer, 0, bytes.length / arrayOf[datatype].BYTES_PER_ELEMENT)
  return datatype === 'BOOL' ? Array.from(values, Boolean) : Array.from(values as ArrayLike<number | bigint>, Number)
}
