import { int64Of, type Int64 } from '#kernel/int64.ts'

/**
 * Arrays as PostgreSQL takes them in binary [array_recv]: dimensions, nulls, element type, length and lower bound, then
 * each element behind its size. A thousand numbers are read, and written, in half the time that text takes.
 */

const [bigintType, textType, doubleType] = [20, 25, 701] as const
const headBytes = 20
/** In the place of an element's size. */
const nullSize = -1
const elementBytes = 8

/** For `$1::bigint[]`. */
export const bigintArray = (values: readonly Int64[]): Buffer =>
  arrayOf(bigintType, values, (view, at, value) => {
    if (typeof value === 'bigint') return view.setBigInt64(at, value)
    const high = Math.floor(value / 2 ** 32)
    view.setInt32(at, high)
    view.setUint32(at + 4, value - high * 2 ** 32)
  })

/** For `$1::text[]`: nothing is escaped here, and nothing parsed there. */
export function textArray(values: readonly (string | null)[]): Buffer {
  // All texts are encoded by one call, with room before each for its size: a call for each takes several times as long.
  // What is null is joined as nothing.
  const text = values.length === 0 ? '' : sizeRoom + values.join(sizeRoom)
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(headBytes + length)
  writeHead(bytes, textType, values)
  bytes.write(text, headBytes)
  const isAscii = length === text.length
  let at = headBytes
  for (const value of values) {
    const size = value === null ? 0 : isAscii ? value.length : Buffer.byteLength(value)
    bytes.writeInt32BE(value === null ? nullSize : size, at)
    at += sizeRoom.length + size
  }
  return bytes
}

const sizeRoom = '\0\0\0\0'

/** For `$1::double precision[]`, to the last bit, NaN and the infinities too. */
export const doubleArray = (values: readonly number[]): Buffer =>
  arrayOf(doubleType, values, (view, at, value) => view.setFloat64(at, value))

function arrayOf<Value>(
  type: number,
  values: readonly Value[],
  write: (view: DataView, at: number, value: Value) => void,
): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + values.length * (4 + elementBytes))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  writeHead(bytes, type, values)
  let at = headBytes
  for (const value of values) {
    view.setInt32(at, elementBytes)
    write(view, at + 4, value)
    at += 4 + elementBytes
  }
  return bytes
}

function writeHead(bytes: Buffer, type: number, values: readonly unknown[]): void {
  const hasNulls = values.includes(null) ? 1 : 0
  for (const [place, value] of [1, hasNulls, type, values.length, 1].entries()) bytes.writeInt32BE(value, place * 4)
}

/** What `array_send` gives of a `bigint[]` without nulls. */
export const bigintsOf = (bytes: Buffer): readonly Int64[] =>
  elementsOf(bytes, (view, at) => {
    const near = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4)
    return Number.isSafeInteger(near) ? near : int64Of(view.getBigInt64(at))
  })

/** What `array_send` gives of a `double precision[]` without nulls. */
export const doublesOf = (bytes: Buffer): readonly number[] => elementsOf(bytes, (view, at) => view.getFloat64(at))

function elementsOf<Value>(bytes: Buffer, read: (view: DataView, at: number) => Value): readonly Value[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values: Value[] = []
  for (let at = headBytes + 4; at < bytes.length; at += 4 + elementBytes) values.push(read(view, at))
  return values
}
