import type { MemorySettings } from '../server-settings.ts'
import { ModelFault, type Runtime } from './runtime.ts'

/** Which of the loaded models are in memory, and which come back when they are asked. */
export interface ModelMemory {
  /**
   * Opens a runtime that rests, out of memory, while nobody has asked it for long or others need the room: whoever was not
   * asked for longest goes first. A request wakes it, and waits for that. Rejects when it cannot be opened at first.
   */
  hold(open: () => Promise<Runtime>): Promise<Runtime>
  /** There is less room than models may want. */
  readonly isBounded: boolean
  readonly tally: MemoryTally
}

/** How often models have gone, for either reason, and come back. */
export interface MemoryTally {
  idle: number
  room: number
  woken: number
}

interface Held {
  runtime: Runtime | undefined
  running: number
  usedAt: number
  /** What it had when it was in memory last. */
  bytes: number
}

/** How often idle models are looked for, at most. */
const lookMs = [100, 1_000] as const

export function createModelMemory({ budgetBytes, idleMs }: MemorySettings, now = () => performance.now()): ModelMemory {
  const all = new Set<Held>()
  const tally: MemoryTally = { idle: 0, room: 0, woken: 0 }
  if (idleMs > 0) setInterval(restIdle, Math.min(lookMs[1], Math.max(lookMs[0], idleMs / 4))).unref()

  async function rest(held: Held, why: 'idle' | 'room'): Promise<void> {
    const { runtime } = held
    held.bytes = runtime!.memoryBytes
    held.runtime = undefined
    tally[why]++
    await runtime!.release().catch(() => {})
  }

  const resting = (except?: Held): Held[] =>
    [...all]
      .filter(held => held !== except && held.runtime && held.running === 0)
      .toSorted((a, b) => a.usedAt - b.usedAt)

  function restIdle(): void {
    for (const held of resting()) if (now() - held.usedAt >= idleMs) void rest(held, 'idle')
  }

  /** Sends others away until there is room for so many bytes more; when all that is left runs, it stays. */
  async function makeRoom(bytes: number, keeper: Held): Promise<void> {
    if (budgetBytes === 0) return
    const used = (): number => [...all].reduce((sum, { runtime }) => sum + (runtime?.memoryBytes ?? 0), 0)
    for (const held of resting(keeper)) {
      if (used() + bytes <= budgetBytes) return
      await rest(held, 'room')
    }
  }

  return {
    tally,
    isBounded: budgetBytes > 0,
    async hold(open) {
      const held: Held = { runtime: undefined, running: 0, usedAt: now(), bytes: 0 }
      all.add(held)
      try {
        held.runtime = await open()
      } catch (error) {
        all.delete(held)
        throw error
      }
      await makeRoom(0, held)
      let waking: Promise<void> | undefined
      let fault = ''
      let isReleased = false

      async function wake(): Promise<void> {
        try {
          await makeRoom(held.bytes, held)
          const runtime = await open()
          if (isReleased) return await runtime.release()
          held.runtime = runtime
          held.usedAt = now()
          fault = ''
          tally.woken++
          await makeRoom(0, held)
        } catch (error) {
          fault = error instanceof Error ? error.message : String(error)
        } finally {
          waking = undefined
        }
      }

      return {
        rowsPerRun: held.runtime.rowsPerRun,
        rowsWaitingMax: held.runtime.rowsWaitingMax,
        get memoryBytes() {
          return held.runtime?.memoryBytes ?? 0
        },
        awake() {
          if (held.runtime || isReleased) return undefined
          fault = ''
          return (waking ??= wake())
        },
        async run(batch) {
          // Sent away again before its turn came.
          if (!held.runtime && !isReleased && fault === '') await (waking ??= wake())
          const { runtime } = held
          if (!runtime)
            throw new ModelFault(
              503,
              isReleased ? 'The model has been unloaded.' : `The model cannot be loaded again: ${fault}`,
            )
          held.running++
          try {
            return await runtime.run(batch)
          } finally {
            held.running--
            held.usedAt = now()
          }
        },
        async release() {
          isReleased = true
          all.delete(held)
          await waking
          const { runtime } = held
          held.runtime = undefined
          await runtime?.release()
        },
      }
    },
  }
}
