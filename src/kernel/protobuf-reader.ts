import type { ByteSource } from './byte-source.ts'

/**
 * Reads a message of Protocol Buffers [encoding specification] as it streams by, whatever its size: what nobody asks for is
 * skipped. Throws `RangeError` with what is wrong, in words that follow "it".
 */
export interface ProtobufReader {
  /** The message that comes next: all that is left, or the part that is being read. */
  message(fields: Fields): void
  /** The part that is being read, as text. */
  text(): string
}

/** What is asked for, by the numbers of fields. */
export interface Fields {
  readonly numbers?: Readonly<Record<number, (value: number) => void>>
  /** Messages and texts; what is left of one is skipped. */
  readonly parts?: Readonly<Record<number, () => void>>
}

const textMax = 64 * 1024
const varintBytesMax = 10

export function protobufReader(source: ByteSource): ProtobufReader {
  let at = 0
  /** Where what is being read ends. */
  let end = Number.POSITIVE_INFINITY

  const take = (length: number): Buffer => {
    const bytes = source.read(length)
    if (bytes.length < length || at + length > end) throw new RangeError('it ends in the middle')
    at += length
    return bytes
  }

  /** The last byte is read: to skip past an end is no error of a file. */
  const skip = (length: number): void => {
    if (length === 0) return
    source.skip(length - 1)
    at += length - 1
    take(1)
  }

  function varint(): number {
    let value = 0n
    for (let index = 0; index < varintBytesMax; index++) {
      const byte = take(1)[0]!
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (byte < 0x80) return Number(value)
    }
    throw new RangeError(`it has a number longer than ${varintBytesMax} bytes`)
  }

  /** Lets a handler read a part of this length, and skips what it leaves. */
  function part(length: number, handle: (() => void) | undefined): void {
    const [stop, outer] = [at + length, end]
    if (stop > outer) throw new RangeError('it has a part that is longer than the whole')
    if (handle) {
      end = stop
      handle()
      end = outer
    }
    skip(stop - at)
  }

  return {
    text() {
      const length = end - at
      if (length > textMax) throw new RangeError(`it has a name of more than ${textMax} bytes`)
      return take(length).toString('utf8')
    },

    message({ numbers = {}, parts = {} }) {
      while (end === Number.POSITIVE_INFINITY ? !source.atEnd() : at < end) {
        const tag = varint()
        const [field, type] = [Math.floor(tag / 8), tag % 8]
        const isMistaken = (type !== 0 && field in numbers) || (type !== 2 && field in parts)
        if (isMistaken) throw new RangeError(`it has the field ${field} with another type`)
        if (type === 0) {
          const value = varint()
          numbers[field]?.(value)
        } else if (type === 1) skip(8)
        else if (type === 5) skip(4)
        else if (type === 2) part(varint(), parts[field])
        else throw new RangeError(`it has a field of an unknown type, ${type}`)
      }
    },
  }
}
