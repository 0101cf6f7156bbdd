import { TrainyardError } from '#kernel/error.ts'
import type { ArtifactSweep } from './artifact-sweep.ts'
import type { Purge } from './purge.ts'
import type { Uploads } from './uploads.ts'

/** Removes by itself, every hour, what nobody needs: the end of the trash, uploads that were given up, bytes of files that are gone. */
export interface StorageKeeper {
  start(): void
  stop(): Promise<void>
}

export interface StorageKeeperParts {
  readonly uploads: Pick<Uploads, 'sweep'>
  readonly artifactSweep: ArtifactSweep
  readonly trash: Purge
  /** How long what is deleted lies in the trash; undefined: until somebody throws it away. */
  readonly trashMs: number | undefined
  warn(facts: object, message: string): void
}

const everyMs = 3_600_000
/** Not while a server begins, and soon enough for one that runs for minutes at a time. */
const firstMs = 5 * 60_000

export function createStorageKeeper(parts: StorageKeeperParts): StorageKeeper {
  const { uploads, artifactSweep: sweep, trash, trashMs, warn } = parts
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()

  async function work(): Promise<void> {
    if (trashMs !== undefined)
      await trash.purge({ ageMs: trashMs }).catch(error => warn({ err: error }, 'the trash could not be emptied'))
    await uploads.sweep().catch(error => warn({ err: error }, 'expired uploads could not be removed'))
    await sweep.run().catch(error => {
      // Another process is at it. That the folder has another database too was said at the start.
      const isOthers = error instanceof TrainyardError && error.code === 'conflict'
      if (!isOthers && timer) warn({ err: error }, 'bytes of deleted files could not be freed')
    })
  }

  function plan(ms: number): void {
    timer = setTimeout(() => {
      plan(everyMs)
      working = working.then(work)
    }, ms).unref()
  }

  return {
    start() {
      sweep.claim().catch(error => warn({ err: error }, 'bytes of deleted files will not be freed'))
      plan(firstMs)
    },
    async stop() {
      clearTimeout(timer)
      timer = undefined
      await sweep.stop()
      await working
    },
  }
}
