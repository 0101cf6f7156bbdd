import type { GivenTensor } from './bind.ts'
import { show } from './bind.ts'
import { badRequest } from './request-error.ts'

/**
 * Tensors as bytes: little-endian, row by row, in their own width; truth values as one byte, texts as their length in
 * four bytes and UTF-8 [Open Inference Protocol 2, binary tensor data].
 */

type Numbers = ArrayLike<number | bigint>
type NumberArray = new (bytes: ArrayBuffer) => Numbers

const arrays: Readonly<Record<string, { readonly width: number; readonly make: NumberArray }>> = {
  BOOL: { width: 1, make: Uint8Array },
  INT8: { width: 1, make: Int8Array },
  INT16: { width: 2, make: Int16Array },
  INT32: { width: 4, make: Int32Array },
  INT64: { width: 8, make: BigInt64Array },
  UINT8: { width: 1, make: Uint8Array },
  UINT16: { width: 2, make: Uint16Array },
  UINT32: { width: 4, make: Uint32Array },
  UINT64: { width: 8, make: BigUint64Array },
  FP16: { width: 2, make: Float16Array },
  FP32: { width: 4, make: Float32Array },
  FP64: { width: 8, make: Float64Array },
}

/** Bytes of one element; undefined for texts and for what is no datatype. */
export const widthOf = (datatype: string): number | undefined => (datatype === 'BF16' ? 2 : arrays[datatype]?.width)

/** Reads the elements of a tensor. Throws `RequestError` when there are not as many bytes as its shape says. */
export function tensorOf({ name, datatype, shape }: Omit<GivenTensor, 'data'>, bytes: Buffer): GivenTensor {
  const count = shape.reduce((product, dimension) => product * dimension, 1)
  if (datatype === 'BYTES') return { name, datatype, shape, data: textsOf(name, bytes, count) }
  const width = widthOf(datatype)
  if (width === undefined) throw badRequest(`Input ${name}: datatype ${show(datatype)} has no form in bytes.`)
  if (bytes.length !== count * width)
    throw badRequest(
      `Input ${name}: ${bytes.length} bytes, ${datatype} with shape ${show(shape)} has ${count * width}.`,
    )
  return { name, datatype, shape, data: elementsOf(datatype, bytes) }
}

function elementsOf(datatype: string, bytes: Buffer): Numbers {
  // A copy: what is read off the wire stands at any address, and outlives its buffer.
  const own = new Uint8Array(bytes).buffer
  if (datatype !== 'BF16') return new arrays[datatype]!.make(own)
  // The upper half of a number of 32 bits.
  return new Float32Array(Uint32Array.from(new Uint16Array(own), half => half << 16).buffer)
}

function textsOf(name: string, bytes: Buffer, count: number): readonly string[] {
  const texts: string[] = []
  for (let at = 0; at < bytes.length && texts.length <= count;) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32LE(at) : Infinity
    if (at + 4 + length > bytes.length)
      throw badRequest(`Input ${name}, row ${texts.length + 1}: the text is longer than the bytes that are left.`)
    texts.push(bytes.toString('utf8', at + 4, at + 4 + length))
    at += 4 + length
  }
  if (texts.length === count) return texts
  const found = texts.length < count ? String(texts.length) : `more than ${count}`
  throw badRequest(`Input ${name}: ${found} texts, the shape expects ${count}.`)
}

/** The bytes of a column of values. Throws `RequestError` for a datatype that has none. */
export function bytesOf(datatype: string, values: readonly unknown[]): Buffer {
  if (datatype === 'BYTES') return Buffer.concat(values.flatMap(value => prefixed(String(value))))
  const array = arrays[datatype]
  if (!array) throw badRequest(`Datatype ${datatype} has no form in bytes.`)
  const isLong = array.make === BigInt64Array || array.make === BigUint64Array
  const numbers = new array.make(new ArrayBuffer(values.length * array.width)) as { [index: number]: unknown }
  for (const [index, value] of values.entries()) numbers[index] = isLong ? BigInt(value as number) : Number(value)
  return Buffer.from((numbers as unknown as Uint8Array).buffer)
}

function prefixed(text: string): [Buffer, Buffer] {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return [length, bytes]
}
