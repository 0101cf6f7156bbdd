import type { Clock } from '#kernel/clock.ts'
import type { Projects } from '#project'
import { judgedBy } from './declared.ts'
import { lateMsOf } from './hard-stop.ts'
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

/** From how many milliseconds on an answer counts. */
export interface LatencyLimits {
  /** Slower than 99 of 100 that the live revision has given lately, and than the project says matters; of too few, absent. */
  readonly slowMs?: number
  /** Three times what is promised. */
  readonly lateMs: number
}

/** The limits of each deployment with a canary. Told before the answers are looked at, they hold for both revisions alike. */
export async function latencyLimits({
  store,
  projects,
  clock,
}: SlowParts): Promise<ReadonlyMap<string, LatencyLimits>> {
  const recent = await store.recentLatencies(trailingHour(clock.now()))
  if (recent.size === 0) return new Map()
  const deployments = (await store.deployments()).filter(({ name }) => recent.has(name))
  return new Map(
    [...(await judgedBy(projects, deployments))].map(([name, { slowMs, promise }]) => {
      const ms = slowestInHundred(recent.get(name)!)
      const lateMs = lateMsOf(promise.latencyMs)
      return [name, { lateMs, ...(ms !== undefined && { slowMs: Math.max(ms, slowMs) }) }] as const
    }),
  )
}
