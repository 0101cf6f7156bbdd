import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Lines that wait in the files of a folder, which outlive the process and may be of several. It never rejects and never blocks. */
export interface Spool {
  append(lines: string): void
  /** Closes the open file: what is in it may be sent. */
  rotate(): Promise<void>
  /** Closed files, the oldest first. */
  closed(): Promise<readonly string[]>
  /** Writes what waits in memory, and takes nothing more. */
  close(): Promise<void>
}

export interface SpoolParts {
  readonly folder: string
  /** How much may wait; then the oldest are let go. */
  readonly bytesMax: number
  /** A file has been closed. */
  onClosed(): void
  /** So many lines were let go. */
  onDropped(lines: number): void
  onError(error: unknown): void
}

const mib = 1024 * 1024
/** A file is closed when it has so much, or is so old. */
const [fileBytesMax, fileLinesMax, fileMsMax] = [mib, 5_000, 1_000]
/** What waits in memory to be written. */
const memoryBytesMax = 8 * mib
const [openSuffix, closedSuffix] = ['.open', '.ndjson']

interface OpenFile {
  readonly path: string
  bytes: number
  lines: number
}

export function openSpool({ folder, bytesMax, onClosed, onDropped, onError }: SpoolParts): Spool {
  let pending: string[] = []
  let pendingBytes = 0
  let file: OpenFile | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let writing: Promise<void> = Promise.resolve()

  const inTurn = (work: () => Promise<void>): Promise<void> => (writing = writing.then(work).catch(onError))

  function start(): OpenFile {
    timer = setTimeout(() => void inTurn(rotate), fileMsMax).unref()
    const name = `${String(Date.now()).padStart(14, '0')}-${process.pid}-${randomUUID().slice(0, 8)}`
    return { path: join(folder, name), bytes: 0, lines: 0 }
  }

  async function flush(): Promise<void> {
    const text = pending.join('')
    pending = []
    pendingBytes = 0
    if (text === '') return
    try {
      file ??= start()
      await appendFile(file.path + openSuffix, text, { mode: 0o600 })
    } catch (error) {
      onDropped(linesIn(text))
      throw error
    }
    file.bytes += text.length
    file.lines += linesIn(text)
    if (file.bytes >= fileBytesMax || file.lines >= fileLinesMax) await rotate()
  }

  async function rotate(): Promise<void> {
    clearTimeout(timer)
    const done = file
    file = undefined
    if (!done || done.lines === 0) return
    await rename(done.path + openSuffix, `${done.path}-${done.lines}${closedSuffix}`)
    onDropped(await makeRoom(folder, bytesMax))
    onClosed()
  }

  /** The process ends by itself: what is in memory is written, without waiting for a turn. */
  const atExit = (): void => {
    if (pending.length === 0) return
    try {
      file ??= start()
      appendFileSync(file.path + openSuffix, pending.join(''), { mode: 0o600 })
    } catch {
      // There is nobody left to tell.
    }
  }
  process.once('exit', atExit)
  void inTurn(() => adopt(folder))

  return {
    append(lines) {
      if (isClosed || pendingBytes + lines.length > memoryBytesMax) return onDropped(linesIn(lines))
      pendingBytes += lines.length
      if (pending.push(lines) === 1) void inTurn(flush)
    },
    rotate: () => inTurn(rotate),
    closed: () => closedFiles(folder),
    async close() {
      isClosed = true
      await inTurn(flush)
      await inTurn(rotate)
      process.off('exit', atExit)
    },
  }
}

const closedFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter(name => name.endsWith(closedSuffix)).toSorted()

/** Lets the oldest files go until the others have room; answers how many lines were in them. */
async function makeRoom(folder: string, bytesMax: number): Promise<number> {
  const files = await closedFiles(folder)
  const found = await Promise.all(files.map(name => stat(join(folder, name)).catch(() => undefined)))
  let total = found.reduce((sum, file) => sum + (file?.size ?? 0), 0)
  let dropped = 0
  for (const [index, name] of files.entries()) {
    if (total <= bytesMax) break
    await rm(join(folder, name), { force: true })
    total -= found[index]?.size ?? 0
    dropped += linesNamed(name)
  }
  return dropped
}

/** An open file that nobody has written to for so long is of a process that has ended. */
const leftMs = 60_000

/** Closes the files that processes before this one have left. */
async function adopt(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = name.endsWith(openSuffix) ? await stat(path).catch(() => undefined) : undefined
    if (!found || Date.now() - found.mtimeMs < leftMs) continue
    const lines = linesIn(await readFile(path, 'utf8'))
    await rename(path, `${path.slice(0, -openSuffix.length)}-${lines}${closedSuffix}`)
  }
}

const linesIn = (text: string): number => text.split('\n').length - 1

/** How many lines a closed file has. */
export const linesNamed = (name: string): number => Number(/-(\d+)\.ndjson$/.exec(name)?.[1] ?? 0)
