import { TrainyardError } from '#kernel/error.ts'

/** Why an attempt is ended before it has ended itself. */
export type StopKind = 'cancelled' | 'timeout' | 'lost' | 'left' | 'shutdown'

const words: Readonly<Record<StopKind, string>> = {
  cancelled: 'The run was cancelled.',
  timeout: 'The task took longer than it may.',
  lost: 'The lease ran out, and the attempt was given up.',
  left: 'Another process follows the task from here on.',
  shutdown: 'The platform was stopped.',
}

/** Aborts with an error that says why; a second call changes nothing. */
export const stop = (controller: AbortController, kind: StopKind, message = words[kind]): void =>
  controller.abort(new TrainyardError('task_failed', message, { cause: { kind } }))

/** Why the signal was aborted; undefined while it is not, or when it was not by {@link stop}. */
export function stopKind(signal: AbortSignal): StopKind | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined
  return reason instanceof TrainyardError ? (reason.detail['cause'] as { kind: StopKind } | undefined)?.kind : undefined
}

/**
 * The work's result; or, once the signal is aborted and `graceMs` have passed, its reason. What the work does after that
 * is nobody's business any more.
 */
export async function untilStopped<T>(work: Promise<T>, signal: AbortSignal, graceMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const abandoned = new Promise<never>((_, reject) => {
    const wait = (): void => {
      timer = setTimeout(() => reject(signal.reason as Error), graceMs)
    }
    if (signal.aborted) wait()
    else signal.addEventListener('abort', wait, { once: true })
  })
  try {
    return await Promise.race([work, abandoned])
  } finally {
    clearTimeout(timer)
    // Without a listener its rejection would end the process.
    abandoned.catch(() => {})
    work.catch(() => {})
  }
}
