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

/** How often idle models are looked for, at most. */
const lookMs = [100, 1_000] as const

export function createModelMemory({ budgetBytes, idleMs }: MemorySettings, now = () => performance.now()): ModelMemory {
  const room = createRoom(budgetBytes)
  if (idleMs > 0)
    setInterval(() => room.restIdle(now() - idleMs), Math.min(lookMs[1], Math.max(lookMs[0], idleMs / 4))).unref()
  return {
    tally: room.tally,
    isBounded: budgetBytes > 0,
    async hold(open) {
      const runtime = await open()
      const held: Held = { runtime, running: 0, usedAt: now(), bytes: 0 }
      room.all.add(held)
      await room.make(0, held)
      return resting({ room, held, open, now }, runtime)
    },
  }
}

interface Held {
  runtime: Runtime | undefined
  running: number
  usedAt: number
  /** What it had when it was in memory last. */
  bytes: number
}

interface Room {
  readonly all: Set<Held>
  readonly tally: MemoryTally
  /** Sends others away until there is room for so many bytes more; when all that is left runs, it stays. */
  make(bytes: number, keeper: Held): Promise<void>
  /** Sends away what was not used since. */
  restIdle(since: number): void
}

function createRoom(budgetBytes: number): Room {
  const all = new Set<Held>()
  const tally: MemoryTally = { idle: 0, room: 0, woken: 0 }

  async function rest(held: Held, why: 'idle' | 'room'): Promise<void> {
    const { runtime } = held
    held.bytes = runtime!.memoryBytes
    held.runtime = undefined
    tally[why]++
    await runtime!.release().catch(() => {})
  }

  const idle = (except?: Held): Held[] =>
    [...all]
      .filter(held => held !== except && held.runtime && held.running === 0)
      .toSorted((a, b) => a.usedAt - b.usedAt)

  return {
    all,
    tally,
    restIdle(since) {
      for (const held of idle()) if (held.usedAt <= since) void rest(held, 'idle')
    },
    async make(bytes, keeper) {
      if (budgetBytes === 0) return
      const used = (): number => [...all].reduce((sum, { runtime }) => sum + (runtime?.memoryBytes ?? 0), 0)
      for (const held of idle(keeper)) {
        if (used() + bytes <= budgetBytes) return
        // While another was sent away, this one may have been asked.
        if (held.runtime && held.running === 0) await rest(held, 'room')
      }
    },
  }
}

interface Resting {
  readonly room: Room
  readonly held: Held
  readonly open: () => Promise<Runtime>
  readonly now: () => number
}

function resting(parts: Resting, { rowsPerRun, rowsWaitingMax, isStreaming = false }: Runtime): Runtime {
  const { held, room, now } = parts
  let waking: Promise<void> | undefined
  let fault = ''
  let isReleased = false

  const wake = (): Promise<void> =>
    (waking ??= broughtBack(parts, () => isReleased)
      .then(
        () => (fault = ''),
        (error: unknown) => (fault = error instanceof Error ? error.message : String(error)),
      )
      .then(() => void (waking = undefined)))

  return {
    rowsPerRun,
    rowsWaitingMax,
    isStreaming,
    get memoryBytes() {
      return held.runtime?.memoryBytes ?? 0
    },
    awake: () => (held.runtime || isReleased ? undefined : wake()),
    async run(batch) {
      // Sent away again before its turn came.
      if (!held.runtime && !isReleased && fault === '') await wake()
      const { runtime } = held
      if (!runtime)
        throw new ModelFault(
          'unavailable',
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
      room.all.delete(held)
      await waking
      const { runtime } = held
      held.runtime = undefined
      await runtime?.release()
    },
  }
}

/** Opens it again, in room that others make. */
async function broughtBack({ room, held, open, now }: Resting, isReleased: () => boolean): Promise<void> {
  await room.make(held.bytes, held)
  const runtime = await open()
  if (isReleased()) return runtime.release()
  held.runtime = runtime
  held.usedAt = now()
  room.tally.woken++
  await room.make(0, held)
}
