import { TrainyardError } from '#kernel/error.ts'

/** Lets `parallel` callers in at a time; `waitingMax` more wait for their turn, in order, and others are sent away. */
export interface Limit {
  /** Resolves to the way out, which must be called once. Rejects with `unavailable` when too many wait, or on abort. */
  enter(signal?: AbortSignal): Promise<() => void>
}

export function createLimit({ parallel, waitingMax }: { parallel: number; waitingMax: number }): Limit {
  const waiting: (() => void)[] = []
  let inside = 0

  function leave(): void {
    inside--
    waiting.shift()?.()
  }

  /** The way out, which counts once however often it is taken. */
  function exit(): () => void {
    inside++
    let left = false
    return () => {
      if (!left) leave()
      left = true
    }
  }

  return {
    async enter(signal) {
      signal?.throwIfAborted()
      if (inside < parallel) return exit()
      if (waiting.length >= waitingMax)
        throw new TrainyardError('unavailable', 'Too many git requests are waiting. Try again in a moment.')
      return new Promise((resolve, reject) => {
        const turn = (): void => {
          signal?.removeEventListener('abort', giveUp)
          resolve(exit())
        }
        const giveUp = (): void => {
          waiting.splice(waiting.indexOf(turn), 1)
          reject(new TrainyardError('unavailable', 'The client went away before its turn came.'))
        }
        waiting.push(turn)
        signal?.addEventListener('abort', giveUp, { once: true })
      })
    },
  }
}
