import type { Executor } from '#workflow'
import type { Engine } from './engine.ts'
import { createNodeDesk, type NodeDesk } from './node-desk.ts'
import { remoteExecutor } from './remote.ts'
import type { RemoteDeps } from './remote-deps.ts'

export interface RemotesDeps extends Omit<RemoteDeps, 'name' | 'engine' | 'listen' | 'pollMs'> {
  readonly engines: Readonly<Record<string, Engine>>
  /** How long what nodes have said is kept of attempts that have ended. */
  readonly retentionMs: number
}

/** Every executor on other machines, and the one desk that their nodes come to. */
export interface Remotes {
  readonly executors: Readonly<Record<string, Executor>>
  readonly desk: NodeDesk
  /** Ends the regular sweep. */
  stop(): void
}

const pollMs = 1_000
const sweepMs = 600_000

export function createRemotes({ engines, retentionMs, ...deps }: RemotesDeps): Remotes {
  const { store, clock } = deps
  const ears = createEars()
  const timer = setInterval(() => void store.sweep(clock.now() - retentionMs).catch(() => {}), sweepMs).unref()
  return {
    executors: Object.fromEntries(
      Object.entries(engines).map(([name, engine]) => [
        name,
        remoteExecutor({ ...deps, name, engine, pollMs, listen: ears.listen }),
      ]),
    ),
    desk: createNodeDesk({ ...deps, heard: ears.heard }),
    stop: () => clearInterval(timer),
  }
}

/** Wakes who follows an attempt in this process when a node of it is heard here; others look by themselves. */
function createEars(): { heard(attempt: string): void; listen(attempt: string, ms: number): Promise<void> } {
  const waiting = new Map<string, () => void>()
  return {
    heard: attempt => waiting.get(attempt)?.(),
    listen: (attempt, ms) =>
      new Promise(resolve => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(attempt)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        waiting.set(attempt, wake)
      }),
  }
}
