import { rm } from 'node:fs/promises'
import type { Millis } from '#kernel/clock.ts'
import { messageOf } from '#kernel/error.ts'
import type { BuildRecord, BuildRecords } from './build-records.ts'
import { build, type BuildDeps } from './environment-build.ts'
import type { Occupancy } from './occupancy.ts'
import type { Recipe } from './recipe.ts'

/** Builds that are under way, each for all who wait for it. */
export interface SharedBuilds {
  isBuilding(digest: string): boolean
  /** Builds it, or waits for the build that is under way. Throws the signal's reason when the one who waits goes away. */
  join(recipe: Recipe, waiter: Waiter): Promise<void>
}

interface Waiter {
  readonly signal: AbortSignal
  log(line: string): void
}

interface Deps extends BuildDeps {
  readonly records: BuildRecords
  readonly occupancy: Occupancy
  now(): Millis
  folderOf(digest: string): string
}

interface Build {
  readonly done: Promise<void>
  readonly controller: AbortController
  /** The logs of those who wait for it. */
  readonly waiting: Set<(line: string) => void>
}

const buildMsMax = 30 * 60_000

export function createSharedBuilds(deps: Deps): SharedBuilds {
  const { records, occupancy, now, folderOf } = deps
  const building = new Map<string, Build>()

  function start(recipe: Recipe): Build {
    const { digest } = recipe
    const controller = new AbortController()
    const waiting = new Set<(line: string) => void>()
    // One that was given up has nothing to say once another has begun.
    const isLast = (): boolean => [undefined, controller].includes(building.get(digest)?.controller)

    async function run(): Promise<void> {
      const record: BuildRecord = { ...factsOf(recipe), startedAt: now() }
      const file = await records.openLog(digest)
      await records.write(digest, record)
      const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(buildMsMax)])
      const log = (line: string): void => {
        file.line(line)
        for (const write of waiting) write(line)
      }
      const end = async (how: Pick<BuildRecord, 'size' | 'error'>): Promise<void> => {
        await file.close()
        if (isLast()) await records.write(digest, { ...record, endedAt: now(), ...how })
      }
      try {
        await end({ size: await build(deps, { recipe, folder: folderOf(digest), signal, log }) })
      } catch (error) {
        if (isLast()) await rm(folderOf(digest), { recursive: true, force: true }).catch(() => {})
        await end({ error: messageOf(error) })
        throw error
      }
    }

    const done = occupancy
      .hold(controller, digest)
      .then(run)
      .finally(() => {
        occupancy.release(controller)
        if (building.get(digest)?.controller === controller) building.delete(digest)
      })
    return { done, controller, waiting }
  }

  return {
    isBuilding: digest => building.has(digest),

    async join(recipe, { signal, log }) {
      const { digest, lock } = recipe
      const known = building.get(digest)
      log(
        known
          ? `Waiting for the environment of ${lock}, which is being built.`
          : `Building the environment of ${lock}.`,
      )
      const one = known ?? start(recipe)
      building.set(digest, one)
      one.waiting.add(log)
      try {
        await untilAborted(one.done, signal)
      } finally {
        one.waiting.delete(log)
        if (one.waiting.size === 0) {
          // Nobody wants it any more; whoever comes next begins anew.
          if (building.get(digest) === one) building.delete(digest)
          one.controller.abort()
        }
      }
    },
  }
}

export const factsOf = ({ kind, lock, lockDigest, runtime }: Recipe): Omit<BuildRecord, 'startedAt'> => ({
  kind,
  lock,
  lockDigest,
  runtime,
})

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason as Error)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  // When the other is first, nobody listens to this one any more.
  work.catch(() => {})
  aborted.promise.catch(() => {})
  await Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}
