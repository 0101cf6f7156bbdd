import type { Clock } from '#kernel/clock.ts'
import type { Projects } from '#project'
import { slowMsOf } from './declared.ts'
import { slowestInHundred } from './latency.ts'
import type { ServingStore } from './store.ts'

export interface SlowParts {
  readonly store: Pick<ServingStore, 'deployments' | 'recentLatencies'>
  readonly projects: Pick<Projects, 'find'>
  readonly clock: Clock
}

export const hourMs = 3_600_000

/** The hour from which on latencies count as recent: this one and the one before. */
export const trailingHour = (now: number): number => Math.floor(now / hourMs) * hourMs - hourMs

/**
 * From how many milliseconds on an answer is slow, for each deployment with a canary: slower than 99 of 100 that its live
 * revision has given lately, and than the project says matters. Told before the answers are looked at, it holds for both
 * revisions alike.
 */
export async function slowThresholds({ store, projects, clock }: SlowParts): Promise<ReadonlyMap<string, number>> {
  const recent = await store.recentLatencies(trailingHour(clock.now()))
  if (recent.size === 0) return new Map()
  const deployments = (await store.deployments()).filter(({ name }) => recent.has(name))
  return new Map(
    [...(await slowMsOf(projects, deployments))].flatMap(([name, leastMs]) => {
      const ms = slowestInHundred(recent.get(name)!)
      return ms === undefined ? [] : [[name, Math.max(ms, leastMs)] as const]
    }),
  )
}
