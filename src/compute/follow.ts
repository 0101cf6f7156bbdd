import { setTimeout as sleep } from 'node:timers/promises'
import { stopKind } from '#workflow'
import { isAlive, isThisBoot, killMarked, signalProcess, type ProcessIdentity } from './processes.ts'
import { lastWord, type ShimExit } from './shim.ts'

/** A shim that runs, begun by this process or by one before it. */
export interface Running {
  readonly folder: string
  readonly process: ProcessIdentity
  /** Name and value of the variable that its processes carry. */
  readonly mark: readonly [name: string, value: string]
  /** Resolves when it is gone; known only to the process that began it. Others look. */
  readonly gone?: Promise<void>
}

const lookMs = 100
/** A shim that was told to end its task, and has not so long after the task's grace, is ended itself. */
const answerMs = 5_000

/**
 * Goes with a shim to its end, and ends it when the signal says so. Undefined when it is gone without a last word: then
 * nothing of it is left either. Throws the signal's reason when the signal only says to leave it.
 */
export async function follow(
  { folder, process, mark, gone = watched(process) }: Running,
  { signal, graceMs }: { signal: AbortSignal; graceMs: number },
): Promise<ShimExit | undefined> {
  const left = new Promise<never>((_, reject) => {
    const leave = (): void => {
      if (stopKind(signal) === 'left') reject(signal.reason as Error)
      else void end()
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  let isGone = false
  async function end(): Promise<void> {
    await signalProcess(process, 'SIGTERM')
    await sleep(graceMs + answerMs, undefined, { ref: false })
    if (!isGone) await signalProcess(process, 'SIGKILL')
  }
  await Promise.race([gone, left])
  isGone = true
  const word = (await isThisBoot(process)) ? await lastWord(folder) : undefined
  // What has left the group has not left the attempt; and a shim that was killed has ended nothing.
  if (!word || signal.aborted) await killMarked(mark[0], new Set([mark[1]]))
  return word
}

async function watched(process: ProcessIdentity): Promise<void> {
  while (await isAlive(process)) await sleep(lookMs)
}
