import { processesMarked } from './processes.ts'
import { markName } from './task-environment.ts'

/** A task by its folder, or a build. */
type Holder = string | AbortController

/** Which environments are in use: what is in use is not removed, and what is being removed is waited for. */
export interface Occupancy {
  /** From now on it is in use by the holder. Resolves once it is not being removed any more. */
  hold(holder: Holder, digest: string): Promise<void>
  /** Answers what the holder had. */
  release(holder: Holder): readonly string[]
  /** What is held here, and what processes of this machine have on their PATH, whoever follows them. */
  inUse(): Promise<ReadonlySet<string>>
  /** Calls `remove` unless the environment is in use. Answers whether it did. */
  unlessUsed(digest: string, remove: () => Promise<void>): Promise<boolean>
}

/** Of the environments below a folder. */
export function createOccupancy(folder: string): Occupancy {
  const held = new Map<Holder, Set<string>>()
  const removals = new Map<string, Promise<void>>()
  const isHeld = (digest: string): boolean => held.values().some(digests => digests.has(digest))

  async function onPaths(): Promise<ReadonlySet<string>> {
    const paths = (await processesMarked(markName)).flatMap(({ path }) => path.split(':'))
    const below = paths.filter(path => path.startsWith(`${folder}/`))
    return new Set(below.map(path => path.slice(folder.length + 1).split('/')[0]!))
  }

  return {
    async hold(holder, digest) {
      const digests = held.get(holder) ?? new Set()
      held.set(holder, digests.add(digest))
      await removals.get(digest)
    },

    release(holder) {
      const digests = [...(held.get(holder) ?? [])]
      held.delete(holder)
      return digests
    },

    inUse: async () => new Set([...(await onPaths()), ...held.values().flatMap(digests => digests)]),

    async unlessUsed(digest, remove) {
      const running = await onPaths()
      // Nothing may come between this look and the note that it is being removed.
      if (running.has(digest) || isHeld(digest) || removals.has(digest)) return false
      const removal = remove().finally(() => removals.delete(digest))
      removals.set(
        digest,
        removal.catch(() => {}),
      )
      await removal
      return true
    },
  }
}
