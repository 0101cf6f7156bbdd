import type { WakeUps } from '#storage'

/** Wakes whoever waits for a change in this process. Only a hint: waiters look again after a while anyway. */
export interface Signal {
  notify(): void
  /** What to give to `wait`: read it before looking, so that no change falls between looking and waiting. */
  mark(): number
  /** Resolves at the first `notify` after the mark, or after `ms`. */
  wait(mark: number, ms: number): Promise<void>
}

function createSignal(): Signal {
  const waiting = new Set<() => void>()
  let count = 0
  return {
    notify() {
      count += 1
      for (const wake of waiting) wake()
    },
    mark: () => count,
    wait(mark, ms) {
      if (mark !== count) return Promise.resolve()
      return new Promise(resolve => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        waiting.add(wake)
      })
    },
  }
}

/** One that wakes those of other processes too, and is woken by them. */
export function sharedSignal(wakeUps: Pick<WakeUps, 'tell' | 'hear'> | undefined): Signal {
  const signal = createSignal()
  wakeUps?.hear(() => signal.notify())
  return {
    ...signal,
    notify() {
      signal.notify()
      wakeUps?.tell()
    },
  }
}
