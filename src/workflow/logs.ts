import { appendFileSync, mkdirSync, statSync } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A log that is there. */
export interface LogEntry {
  readonly task: string
  /** Length in bytes. */
  readonly size: number
}

/** The log of a task: one file for all its attempts, written line by line and read from any offset. */
export interface Logs {
  /** Opens the log to append to it. */
  open(run: string, task: string): LogFile
  /** Whole characters from byte `offset` on, at most 256 KiB, and the offset after them. Nothing when there is no log. */
  read(run: string, task: string, offset: number): Promise<{ text: string; next: number; isAll: boolean }>
  /** Those of a run, by task. */
  list(run: string): Promise<readonly LogEntry[]>
  /** All bytes so far; undefined when there is no log. */
  whole(run: string, task: string): Promise<Buffer | undefined>
}

export interface LogFile {
  readonly path: string
  /** How long it may become. */
  readonly bytesMax: number
  line(text: string): void
  /** A line that stands before the next one: nobody needs it alone, and to make a file costs as much as a small task. */
  heading(text: () => string): void
  /** Every line so far can be read, the heading too, so that another process may go on. */
  flush(): void
  /** Every line can be read. */
  close(): void
}

const readBytesMax = 256 * 1024
const tailBytesMax = 64 * 1024
/** So much is written at once, and nothing waits for longer. */
const pendingBytesMax = 64 * 1024
const pendingMs = 50

/**
 * Logs in `<folder>/<run>/<task>.log`. A log keeps its first `bytesMax` bytes; of what each attempt writes beyond, the
 * last 64 KiB, with a line between that says so.
 */
export function createLogs(folder: string, bytesMax = 16 * 1024 * 1024): Logs {
  const pathOf = (run: string, task: string): string => join(folder, run, `${task}.log`)

  return {
    open(run, task) {
      const path = (): string => pathOf(run, task)
      return {
        get path() {
          return path()
        },
        bytesMax,
        ...capped(path, bytesMax),
      }
    },

    read: (run, task, offset) => readLogFile(pathOf(run, task), offset),

    async list(run) {
      const files: string[] = await readdir(join(folder, run)).catch(() => [])
      files.sort()
      const found = await Promise.all(files.map(file => stat(join(folder, run, file))))
      return files.map((file, index) => ({ task: basename(file, '.log'), size: found[index]!.size }))
    },

    whole: (run, task) => readFile(pathOf(run, task)).catch(() => undefined),
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

/** Appends at intervals. A few lines to the page cache take microseconds: a thread of the pool takes ten times as long to wake. */
function appender(path: () => string): { write(text: string): void; flush(): void } {
  let pending = ''
  let timer: NodeJS.Timeout | undefined
  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (pending === '') return
    try {
      appendFileSync(path(), pending)
    } catch {
      // A full disk must not end the task: the log is then shorter than it should be.
    }
    pending = ''
  }
  return {
    write(text) {
      pending += text
      if (pending.length > pendingBytesMax) flush()
      else timer ??= setTimeout(flush, pendingMs).unref()
    },
    flush,
  }
}

function capped(path: () => string, bytesMax: number): Pick<LogFile, 'line' | 'heading' | 'flush' | 'close'> {
  const { write, flush } = appender(path)
  /** Unknown until there is something to write: most tasks of the platform say nothing, and the disk is not asked about them. */
  let room: number | undefined
  let leftOut = 0
  let tail: string[] = []
  let tailBytes = 0
  let heading: (() => string) | undefined

  function keep(line: string): void {
    tail.push(line)
    tailBytes += Buffer.byteLength(line)
    while (tailBytes > tailBytesMax && tail.length > 1) {
      tailBytes -= Buffer.byteLength(tail.shift()!)
      leftOut += 1
    }
  }

  function put(text: string): void {
    const line = `${text}\n`
    room = (room ?? bytesMax - begun(path())) - Buffer.byteLength(line)
    if (room >= 0 && tail.length === 0) write(line)
    else keep(line)
  }

  function begin(): void {
    if (heading) put(heading())
    heading = undefined
  }

  return {
    heading: text => void (heading = text),
    line(text) {
      begin()
      put(text)
    },
    flush() {
      begin()
      room ??= bytesMax - begun(path())
      flush()
    },
    close() {
      if (leftOut > 0) write(`… the log is full: ${leftOut} lines are left out here …\n`)
      for (const line of tail) write(line)
      tail = []
      flush()
    },
  }
}

/** Makes the folder of a log. Answers how long the log is already. */
function begun(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
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
