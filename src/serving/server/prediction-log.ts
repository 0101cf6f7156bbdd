import { closeSync, fdatasync, ftruncateSync, mkdirSync, openSync, rename, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crashPoint } from '#kernel/crash-point.ts'
import { openSuffix, segmentName } from '../segment-name.ts'
import { RequestError } from './request-error.ts'

/** Where predictions are written down before they are answered. */
export interface PredictionLog {
  /**
   * Appends lines; when it resolves they survive the end of this process, and within a second that of the machine. Rejects
   * with `RequestError` 503 when they cannot be written down.
   */
  append(lines: string): Promise<void>
  /** Closes the open segment, if there is one, and waits until all are ready to be collected. */
  rotate(): Promise<void>
}

const segmentBytesMax = 8 * 1024 * 1024
const segmentMsMax = 1_000

interface Segment {
  readonly name: string
  readonly file: number
  bytes: number
}

/** The lines of one turn of the event loop. */
interface Turn extends PromiseWithResolvers<void> {
  lines: string
}

/**
 * Appends to segment files in a folder. All lines of one turn of the event loop are one write. A segment is closed after
 * a second or 8 MiB: it is forced to the disk and renamed, and from then on belongs to whoever collects.
 */
export function openPredictionLog(folder: string, owner: { pid: number; ticks: number }): PredictionLog {
  mkdirSync(folder, { recursive: true })
  let turn: Turn | undefined
  const closing = new Set<Promise<void>>()
  let segment: Segment | undefined
  let timer: NodeJS.Timeout | undefined
  let counter = 0

  function open(): Segment {
    const name = segmentName({ startedAt: Date.now(), ...owner, counter: counter++ })
    timer = setTimeout(rotate, segmentMsMax).unref()
    return { name, file: openSync(join(folder, name + openSuffix), 'ax'), bytes: 0 }
  }

  function rotate(): void {
    clearTimeout(timer)
    if (!segment) return
    const done: Promise<void> = publish(folder, segment).finally(() => closing.delete(done))
    // What cannot be published now is published by the collector when this process is gone.
    done.catch(() => {})
    closing.add(done)
    segment = undefined
  }

  function flush(): void {
    const { lines, resolve, reject } = turn!
    turn = undefined
    try {
      segment ??= open()
      write(segment, lines)
      crashPoint('serving.logged')
      if (segment.bytes >= segmentBytesMax) rotate()
    } catch (error) {
      return reject(unwritten(error as Error))
    }
    resolve()
  }

  return {
    append(lines) {
      if (!turn) {
        turn = { lines: '', ...Promise.withResolvers<void>() }
        // The tick queue runs when all answers of this turn are ready: one write for all of them.
        process.nextTick(flush)
      }
      turn.lines += lines
      return turn.promise
    },
    async rotate() {
      rotate()
      await Promise.allSettled(closing)
    },
  }
}

const unwritten = ({ message }: Error): RequestError =>
  new RequestError('unavailable', `The prediction could not be written down, so it is not given: ${message}`)

/** What a turn writes is encoded here: buffers of their own would be moved to where garbage is seldom collected. */
const page = Buffer.allocUnsafeSlow(256 * 1024)
const bytesPerCharMax = 3

const encoded = (text: string): Buffer =>
  text.length * bytesPerCharMax > page.length ? Buffer.from(text) : page.subarray(0, page.write(text))

/** Writes all of the text or, when the disk refuses, none of it. */
function write(segment: Segment, text: string): void {
  const bytes = encoded(text)
  try {
    for (let start = 0; start < bytes.length;) start += writeSync(segment.file, bytes, start)
  } catch (error) {
    ftruncateSync(segment.file, segment.bytes)
    throw error
  }
  segment.bytes += bytes.length
}

async function publish(folder: string, { name, file }: Segment): Promise<void> {
  try {
    await promisify(fdatasync)(file)
  } finally {
    closeSync(file)
  }
  await promisify(rename)(join(folder, name + openSuffix), join(folder, name))
}
