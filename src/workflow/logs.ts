import { createWriteStream } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The log of a task: one file for all its attempts, written line by line and read from any offset. */
export interface Logs {
  /** Opens the log to append to it. */
  open(run: string, task: string): Promise<LogFile>
  /** Whole characters from byte `offset` on, at most 256 KiB, and the offset after them. Nothing when there is no log. */
  read(run: string, task: string, offset: number): Promise<{ text: string; next: number; isAll: boolean }>
}

export interface LogFile {
  readonly path: string
  /** How long it may become. */
  readonly bytesMax: number
  line(text: string): void
  /** Resolves when every line so far can be read, so that another process may go on. */
  flush(): Promise<void>
  /** Resolves when every line can be read. */
  close(): Promise<void>
}

const readBytesMax = 256 * 1024
const tailBytesMax = 64 * 1024

/**
 * Logs in `<folder>/<run>/<task>.log`. A log keeps its first `bytesMax` bytes; of what each attempt writes beyond, the
 * last 64 KiB, with a line between that says so.
 */
export function createLogs(folder: string, bytesMax = 16 * 1024 * 1024): Logs {
  const pathOf = (run: string, task: string): string => join(folder, run, `${task}.log`)

  return {
    async open(run, task) {
      const path = pathOf(run, task)
      await mkdir(dirname(path), { recursive: true })
      return { path, bytesMax, ...capped(path, bytesMax - (await sizeOf(path))) }
    },

    read: (run, task, offset) => readLogFile(pathOf(run, task), offset),
  }
}

/** See {@link Logs.read}. */
export async function readLogFile(path: string, offset: number): ReturnType<Logs['read']> {
  const file = await open(path).catch(() => undefined)
  if (!file) return { text: '', next: offset, isAll: true }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(readBytesMax), 0, readBytesMax, offset)
    const length = wholeCharacters(buffer, bytesRead)
    const next = offset + length
    return { text: buffer.toString('utf8', 0, length), next, isAll: next >= (await file.stat()).size }
  } finally {
    await file.close()
  }
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0

function capped(path: string, bytesLeft: number): Pick<LogFile, 'line' | 'flush' | 'close'> {
  const stream = createWriteStream(path, { flags: 'a' })
  // A full disk must not end the task: the log is then shorter than it should be.
  stream.on('error', () => {})
  let room = bytesLeft
  let leftOut = 0
  let tail: string[] = []
  let tailBytes = 0

  function keep(line: string): void {
    tail.push(line)
    tailBytes += Buffer.byteLength(line)
    while (tailBytes > tailBytesMax && tail.length > 1) {
      tailBytes -= Buffer.byteLength(tail.shift()!)
      leftOut += 1
    }
  }

  return {
    line(text) {
      const line = `${text}\n`
      room -= Buffer.byteLength(line)
      if (room >= 0 && tail.length === 0) stream.write(line)
      else keep(line)
    },
    flush: () => new Promise(resolve => stream.write('', () => resolve())),
    close() {
      if (leftOut > 0) stream.write(`… the log is full: ${leftOut} lines are left out here …\n`)
      for (const line of tail) stream.write(line)
      tail = []
      return new Promise(resolve => stream.on('close', resolve).end())
    },
  }
}

/** How many of the bytes are whole characters [RFC 3629]: a character that is cut off is read the next time. */
function wholeCharacters(bytes: Buffer, length: number): number {
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back]!
    if (byte < 0x80) return length
    const width = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0
    if (width > 0) return width > back ? length - back : length
  }
  return length
}
