import type { Socket } from 'node:net'
import type { Signature } from '#registry'
import type { Column } from './bind.ts'
import type { OutputColumn, Rows } from './runtime.ts'

/**
 * What goes between the server and a worker (`worker/worker.py`): two unsigned 32-bit little-endian lengths, a JSON object,
 * and raw little-endian columns one after the other. Texts stand in the JSON.
 */
export interface Frame {
  readonly header: unknown
  readonly tail: Buffer
}

const lengthBytes = 8
/** A frame that says it is longer is not read. */
const frameBytesMax = 64 * 1024 * 1024

export function encodeFrame(header: object, parts: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const lengths = Buffer.alloc(lengthBytes)
  lengths.writeUInt32LE(text.length, 0)
  lengths.writeUInt32LE(
    parts.reduce((sum, part) => sum + part.byteLength, 0),
    4,
  )
  return Buffer.concat([lengths, text, ...parts])
}

/** Calls back for each whole frame. `onBad` when what comes is no frame; nothing is read after it. */
export function readFrames(socket: Socket, onFrame: (frame: Frame) => void, onBad: (why: string) => void): void {
  let chunks: Buffer[] = []
  let held = 0
  let needed = lengthBytes
  const take = (): void => {
    const data = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const [header, tail] = [data.readUInt32LE(0), data.readUInt32LE(4)]
    needed = lengthBytes + header + tail
    if (needed > frameBytesMax)
      throw new RangeError(`its answer has ${needed} bytes; allowed: at most ${frameBytesMax}`)
    chunks = [data]
    if (held < needed) return
    const rest = data.subarray(needed)
    const frame = {
      header: JSON.parse(data.toString('utf8', lengthBytes, lengthBytes + header)) as unknown,
      tail: data.subarray(lengthBytes + header, needed),
    }
    chunks = rest.length > 0 ? [rest] : []
    held = rest.length
    needed = lengthBytes
    onFrame(frame)
  }
  const hear = (chunk: Buffer): void => {
    chunks.push(chunk)
    held += chunk.length
    try {
      while (held >= needed && held >= lengthBytes) take()
    } catch (error) {
      socket.off('data', hear)
      onBad(error instanceof Error ? error.message : String(error))
    }
  }
  socket.on('data', hear)
}

const arrayOf = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT64: BigInt64Array,
  INT32: Int32Array,
  BOOL: Uint8Array,
} as const

const isNumeric = (datatype: string): datatype is keyof typeof arrayOf => Object.hasOwn(arrayOf, datatype)

/** The rows of all requests one after the other, as the worker takes them. */
export function encodeRows({ inputs }: Signature, batch: readonly Rows[]): Buffer {
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
  return encodeFrame({ op: 'run', rows, inputs: described }, parts)
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

/** An output of all rows, as a worker describes it. */
export interface WorkerOutput {
  readonly name: string
  readonly datatype: string
  readonly width: number
  readonly values?: readonly string[]
}

/** The answer to {@link encodeRows}, for each request its part. Throws when it has not the bytes that it describes. */
export function decodeOutputs(
  outputs: readonly WorkerOutput[],
  tail: Buffer,
  batch: readonly Rows[],
): readonly (readonly OutputColumn[])[] {
  const rows = batch.reduce((sum, request) => sum + request.rows, 0)
  let offset = 0
  const whole = outputs.map(({ name, datatype, width, values: texts }) => {
    if (!isNumeric(datatype)) return { name, datatype, width, values: texts ?? [] }
    const bytes = rows * width * arrayOf[datatype].BYTES_PER_ELEMENT
    // A copy: typed arrays begin at multiples of their elements' size.
    const part = Uint8Array.from(tail.subarray(offset, offset + bytes))
    offset += bytes
    return { name, datatype, width, values: valuesOf(datatype, part) }
  })
  const odd = whole.find(({ width, values }) => values.length !== rows * width)
  if (odd || offset !== tail.length) throw new RangeError(`Output ${odd?.name ?? 'data'} is not as long as it says.`)
  let start = 0
  return batch.map(request => {
    const [from, to] = [start, start + request.rows]
    start = to
    return whole.map(output => ({ ...output, values: output.values.slice(from * output.width, to * output.width) }))
  })
}

function valuesOf(datatype: keyof typeof arrayOf, bytes: Uint8Array<ArrayBuffer>): (number | boolean)[] {
  const values = new arrayOf[datatype](bytes.buffer, 0, bytes.length / arrayOf[datatype].BYTES_PER_ELEMENT)
  return datatype === 'BOOL' ? Array.from(values, Boolean) : Array.from(values as ArrayLike<number | bigint>, Number)
}
