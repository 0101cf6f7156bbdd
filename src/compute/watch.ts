import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, Observation } from './engine.ts'

/** Asks an engine after many jobs at once, however many attempts are followed. */
export interface Watch {
  /** What the engine knows of the job after the next pause. */
  see(job: string): Promise<Observation>
}

export function createWatch(engine: Pick<Engine, 'observe'>, pauseMs: number): Watch {
  let wanted = new Set<string>()
  let round: Promise<ReadonlyMap<string, Observation>> | undefined

  async function ask(): Promise<ReadonlyMap<string, Observation>> {
    await sleep(pauseMs, undefined, { ref: false })
    const jobs = [...wanted]
    wanted = new Set()
    round = undefined
    return engine.observe(jobs)
  }

  return {
    async see(job) {
      wanted.add(job)
      round ??= ask()
      return (await round).get(job) ?? { state: 'unknown', because: 'not asked' }
    },
  }
}
