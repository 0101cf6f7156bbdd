import type { WakeUps } from './wake-ups.ts'

/**
 * Wakes whoever waits for a change, in this process and in the others on its database. Only a hint: it may be lost, or
 * come before the change is written. Waiters look again after {@link Signal.pauseMs}.
 */
export interface Signal {
  notify(): void
  /** What to give to `wait`: read it before looking, so that no change falls between looking and waiting. */
  mark(): number
  /** Resolves at the first hint after the mark, or after `ms`. */
  wait(mark: number, ms: number): Promise<void>
  /** How long to wait before looking all the same: a look costs the database something, also when nothing happens. */
  pauseMs(): number
  /** Calls back at every hint. Returns the way to stop it. */
  on(listener: () => void): () => void
}

/** How often it is looked where hints may be lost, and after each one for {@link settleMs}, by when its change is written. */
export const busyMs = 200
const settleMs = 2_000
const idleMs = 2_000

/**
 * Without `wakeUps` other processes are not heard.
 * @param pollMs How often it is looked at any time.
 */
export function createSignal(wakeUps?: Pick<WakeUps, 'tell' | 'hear' | 'isHearing'>, pollMs?: number): Signal {
  const listeners = new Set<() => void>()
  let count = 0
  let hintedAt = -Infinity

  function hint(): void {
    count += 1
    hintedAt = performance.now()
    for (const listener of listeners) listener()
  }
  function on(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  wakeUps?.hear(hint)

  return {
    notify() {
      hint()
      wakeUps?.tell()
    },
    mark: () => count,
    on,
    pauseMs: () => pollMs ?? (wakeUps?.isHearing() && performance.now() - hintedAt > settleMs ? idleMs : busyMs),
    wait(mark, ms) {
      if (mark !== count) return Promise.resolve()
      return new Promise(resolve => {
        const wake = (): void => {
          clearTimeout(timer)
          forget()
          resolve()
        }
        const timer = setTimeout(wake, ms)
        const forget = on(wake)
      })
    },
  }
}
