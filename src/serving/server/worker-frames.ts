import type { Socket } from 'node:net'

/**
 * What goes between the server and a worker (`worker/worker.py`, `onnx-worker.ts`): two unsigned 32-bit little-endian
 * lengths, a JSON object, and raw little-endian columns one after the other. Texts stand in the JSON.
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

/** What a whole frame says. */
export function parseFrame(bytes: Buffer): Frame {
  const tailAt = lengthBytes + bytes.readUInt32LE(0)
  return {
    header: JSON.parse(bytes.toString('utf8', lengthBytes, tailAt)) as unknown,
    tail: bytes.subarray(tailAt),
  }
}

/** Calls back with the bytes of each whole frame. `onBad` when what comes is no frame; nothing is read after it. */
export function splitFrames(socket: Socket, onBytes: (bytes: Buffer) => void, onBad: (why: string) => void): void {
  let chunks: Buffer[] = []
  let held = 0
  let needed = lengthBytes
  const take = (): void => {
    const data = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    needed = lengthBytes + data.readUInt32LE(0) + data.readUInt32LE(4)
    if (needed > frameBytesMax)
      throw new RangeError(`its answer has ${needed} bytes; allowed: at most ${frameBytesMax}`)
    chunks = [data]
    if (held < needed) return
    const [bytes, rest] = [data.subarray(0, needed), data.subarray(needed)]
    chunks = rest.length > 0 ? [rest] : []
    held = rest.length
    needed = lengthBytes
    onBytes(bytes)
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

/** Tells a worker that nobody waits for the text any more which it makes; not answered. */
export const cancelFrame = encodeFrame({ op: 'cancel' })
