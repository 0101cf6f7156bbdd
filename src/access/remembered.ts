import type { Clock } from '#kernel/clock.ts'

/**
 * Answers kept for a short time, at most `size` of them. `clear` is immediate, also for those being looked up: an answer
 * that was asked for before it is not kept.
 */
export interface Remembered<Value> {
  get(key: string, look: () => Promise<Value>): Promise<Value>
  clear(key?: string): void
  /** Changes an answer that is kept, as immediately. */
  amend(key: string, change: (value: Value) => void): void
}

export function createRemembered<Value>({
  clock,
  keepMs,
  size,
}: {
  clock: Clock
  keepMs: number
  size: number
}): Remembered<Value> {
  const kept = new Map<string, { value: Value; until: number }>()
  let age = 0
  return {
    async get(key, look) {
      const known = kept.get(key)
      if (known && known.until > clock.now()) return known.value
      const asked = age
      const value = await look()
      if (age !== asked) return value
      kept.delete(key)
      if (kept.size >= size) kept.delete(kept.keys().next().value!)
      kept.set(key, { value, until: clock.now() + keepMs })
      return value
    },
    clear(key) {
      age++
      if (key === undefined) kept.clear()
      else kept.delete(key)
    },
    amend(key, change) {
      age++
      const known = kept.get(key)
      if (known) change(known.value)
    },
  }
}
