import protobuf from 'protobufjs/light.js'

/** What a message may hold. */
export interface MessageLimits {
  /** Messages at any depth: two bytes on the wire can be an object in memory. */
  readonly messages: number
  readonly depth: number
  /** Numbers, and sixteen times as many for each text or piece of bytes; no limit when absent. */
  readonly values?: number
}

/** A message holds more than is allowed; the text says what is. */
export class TooLarge extends Error {}

const lengthDelimited = 2
/** An object costs as much memory as so many numbers. */
const numbersPerText = 16

/**
 * Walks the bytes of a message without making anything of them, so that its cost is known before it is paid. Throws
 * `TooLarge`, and another error for bytes that are no message.
 */
export function measureMessage(bytes: Uint8Array, type: protobuf.Type, limits: MessageLimits): void {
  const reader = protobuf.Reader.create(bytes)
  const { values: valuesMax = Infinity } = limits
  let messages = 0
  let values = 0

  const count = (field: protobuf.Field | undefined, length: number): void => {
    const isText = !field || field instanceof protobuf.MapField || field.type === 'string' || field.type === 'bytes'
    // Of numbers packed together each may be one byte.
    values += isText ? numbersPerText : length
    if (values > valuesMax) throw new TooLarge(`${valuesMax} values are allowed`)
  }
  const walk = (of: protobuf.Type, end: number, depth: number): void => {
    messages++
    if (messages > limits.messages) throw new TooLarge(`${limits.messages} messages are allowed`)
    if (depth > limits.depth) throw new TooLarge(`${limits.depth} levels are allowed`)
    while (reader.pos < end) {
      const tag = reader.uint32()
      const field = of.fieldsById[tag >>> 3]
      if ((tag & 7) !== lengthDelimited) {
        count(field, 1)
        reader.skipType(tag & 7)
        continue
      }
      const inner = field instanceof protobuf.MapField ? undefined : field?.resolvedType
      const length = reader.uint32()
      if (inner instanceof protobuf.Type) walk(inner, length + reader.pos, depth + 1)
      else {
        count(field, length)
        reader.skip(length)
      }
    }
  }
  walk(type, reader.len, 0)
}
