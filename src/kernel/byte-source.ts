import { readSync } from 'node:fs'

/** Bytes that are read once, in order: a file, or what was unpacked from one. Blocks. */
export interface ByteSource {
  /** The next `length` bytes, fewer at the end. */
  read(length: number): Buffer
  skip(length: number): void
  atEnd(): boolean
}

export const bufferSource = (bytes: Buffer): ByteSource => {
  let position = 0
  return {
    read: length => bytes.subarray(position, (position += length)),
    skip: length => void (position += length),
    atEnd: () => position >= bytes.length,
  }
}

const windowBytes = 64 * 1024

/** A part of an open file, read through a window: opcodes are a byte or two each. */
export function fileSource(handle: number, start: number, end: number): ByteSource {
  let window: Buffer = Buffer.alloc(0)
  let [position, windowStart] = [start, start]
  return {
    read(length) {
      const wanted = Math.min(length, end - position)
      if (wanted <= 0) return Buffer.alloc(0)
      if (position < windowStart || position + wanted > windowStart + window.length) {
        windowStart = position
        window = readAt(handle, position, Math.min(Math.max(wanted, windowBytes), end - position))
      }
      const found = window.subarray(position - windowStart, position - windowStart + wanted)
      position += found.length
      return found
    },
    skip: length => void (position += length),
    atEnd: () => position >= end,
  }
}

/** Bytes of an open file, fewer at its end. */
export function readAt(handle: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(handle, bytes, 0, length, position))
}
