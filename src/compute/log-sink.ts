import { appendFile, open, stat } from 'node:fs/promises'
import { crashPoint } from '#kernel/crash-point.ts'
import type { LogSink } from './store.ts'

/** The log of a task as a file. A full disk makes it shorter; it does not end the task. */
export const logSink = (path: string): LogSink => ({
  size: () => sizeOf(path),

  async write(pieces, from) {
    const bytes = pieces.map(piece => piece.bytes)
    const there = await readFrom(path, from)
    await appendFile(path, Buffer.concat(bytes).subarray(alreadyThere(there, bytes))).catch(() => {})
    crashPoint('compute.log_written')
  },
})

/**
 * How many bytes of these pieces stand in a log already, that has become longer by `there` since somebody began to write
 * them: as far as that was cut off, or all of its first pieces, when the platform has added a line of its own.
 */
export function alreadyThere(there: Buffer, pieces: readonly Buffer[]): number {
  if (Buffer.concat(pieces).subarray(0, there.length).equals(there)) return there.length
  let length = 0
  for (const piece of pieces) {
    if (!there.subarray(length, length + piece.length).equals(piece)) break
    length += piece.length
  }
  return length
}

/** How long a log is, in bytes; 0 while there is none. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

async function readFrom(path: string, from: number): Promise<Buffer> {
  const length = Math.max(0, (await sizeOf(path)) - from)
  if (length === 0) return Buffer.alloc(0)
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
