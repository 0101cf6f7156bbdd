import { open } from 'node:fs/promises'
import { TrainyardError } from '#kernel/error.ts'
import type { TaskRecord } from '#workflow'
import { describeExit, withLines } from './command.ts'
import type { ShimExit } from './shim.ts'

/** How an attempt has ended, in words for who must mend it. */

const linesMax = 20
const tailBytes = 16 * 1024

/** The end of what an attempt has said: the last lines of the log from its own first byte on. */
export async function lastLines(path: string, from: number): Promise<readonly string[]> {
  const file = await open(path).catch(() => undefined)
  if (!file) return []
  try {
    const { size } = await file.stat()
    const start = Math.max(from, size - tailBytes)
    const length = Math.max(0, size - start)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, start)
    return buffer.toString('utf8').trimEnd().split(/\r?\n/).slice(-linesMax).filter(Boolean)
  } finally {
    await file.close()
  }
}

/** The exit as it is recorded. */
export const exitOf = ({ code, signal, cause, seconds }: ShimExit): NonNullable<TaskRecord['exit']> => ({
  ...(code !== null && { code }),
  ...(signal !== null && { signal }),
  cause,
  seconds,
})

/** What was not asked for and not a success. */
export function failed({ cause, code, signal }: ShimExit, lines: readonly string[]): TrainyardError {
  const kind = words[cause]
  if (kind !== undefined) return new TrainyardError('task_failed', withLines(kind, lines), { cause: { kind: cause } })
  const why = code === null ? { kind: 'signal', signal } : { kind: 'exit', code }
  return new TrainyardError('task_failed', withLines(`The task ${describeExit({ code, signal })}.`, lines), {
    cause: why,
  })
}

const words: Readonly<Record<string, string>> = {
  timeout: 'The task took longer than it may.',
  out_of_memory: 'The task was killed because it took more memory than there was for it.',
  too_many_processes: 'The task has started more processes and threads than it may.',
  out_of_disk: 'The task was killed because it wrote more to the disk than it may.',
}

/** Nobody can tell how it ended, which is not the task's failure. */
export const lost = (why: string): TrainyardError => new TrainyardError('task_failed', why, { cause: { kind: 'lost' } })

/** Why it was stopped, and what it said last. */
export const stopped = (reason: unknown, lines: readonly string[]): unknown =>
  reason instanceof TrainyardError
    ? new TrainyardError(reason.code, withLines(reason.message, lines), reason.detail)
    : reason
