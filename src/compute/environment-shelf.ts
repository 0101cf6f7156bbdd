import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { conflict, notFound } from '#kernel/error.ts'
import { toPage, type Page, type PageRequest } from '#kernel/page.ts'
import type { BuildRecords } from './build-records.ts'
import { marker } from './environment-build.ts'
import type { EnvironmentState } from './environment-wire.ts'
import type { Occupancy } from './occupancy.ts'
import type { SharedBuilds } from './shared-builds.ts'

/** The environments that this machine has, to look at and to clear away. */
export interface EnvironmentShelf {
  /** By digest. */
  list(page: PageRequest): Promise<Page<EnvironmentState>>
  /** Undefined when this machine knows nothing of it. */
  find(digest: string): Promise<EnvironmentState | undefined>
  /** What its last build has said, from byte `offset` on. Throws `not_found`. */
  log(digest: string, offset: number): Promise<{ text: string; next: number; end: boolean }>
  /** Throws `not_found`, and `conflict` while it is in use. */
  remove(digest: string): Promise<EnvironmentState>
  /** Removes what nothing has used for so long. Answers what it was. */
  sweep(unusedMs: number): Promise<readonly EnvironmentState[]>
}

interface Deps {
  /** Each environment is a folder in it, named by its digest. */
  readonly root: string
  readonly records: BuildRecords
  readonly occupancy: Occupancy
  readonly builds: Pick<SharedBuilds, 'isBuilding'>
  now(): Millis
}

const goingSuffix = '.going'

export function createEnvironmentShelf({ root, records, occupancy, builds, now }: Deps): EnvironmentShelf {
  const folderOf = (digest: string): string => join(root, digest)

  async function stateOf(digest: string, inUse: ReadonlySet<string>): Promise<EnvironmentState | undefined> {
    const record = await records.read(digest)
    if (!record) return undefined
    const state = (await completedAt(folderOf(digest))) === undefined ? unready(digest, record.error) : 'ready'
    return { digest: digest as Digest, ...record, state, isInUse: inUse.has(digest) }
  }

  const unready = (digest: string, error: string | undefined): EnvironmentState['state'] => {
    if (builds.isBuilding(digest)) return 'building'
    return error === undefined ? 'cut off' : 'failed'
  }

  /** Whether it was removed. What is left of a removal that was cut off goes with the next sweep. */
  const removed = (digest: string): Promise<boolean> =>
    occupancy.unlessUsed(digest, async () => {
      const going = `${folderOf(digest)}${goingSuffix}`
      await rm(going, { recursive: true, force: true })
      await rename(folderOf(digest), going).catch(() => {})
      await records.remove(digest)
      await rm(going, { recursive: true, force: true })
    })

  const shelf: EnvironmentShelf = {
    async list({ limit, after = '' }) {
      const digests = (await records.digests()).filter(digest => digest > after).slice(0, limit + 1)
      const inUse = await occupancy.inUse()
      const states = await Promise.all(digests.map(digest => stateOf(digest, inUse)))
      return toPage(
        states.flatMap(state => state ?? []),
        limit,
        ({ digest }) => digest,
      )
    },

    find: async digest => stateOf(digest, await occupancy.inUse()),

    async log(digest, offset) {
      // The state is read first: one that is not building any more says no more.
      const state = await shelf.find(digest)
      if (!state) throw notFound('environment', digest)
      const { text, next, isAll } = await records.readLog(digest, offset)
      return { text, next, end: isAll && state.state !== 'building' }
    },

    async remove(digest) {
      const state = await shelf.find(digest)
      if (!state) throw notFound('environment', digest)
      if (await removed(digest)) return state
      throw conflict(`Environment ${digest} is in use: a task runs in it, or it is being built.`, { digest })
    },

    async sweep(unusedMs) {
      const gone: EnvironmentState[] = []
      const folders = await readdir(root).catch(() => [])
      for (const name of folders.filter(folder => folder.endsWith(goingSuffix)))
        await rm(folderOf(name), { recursive: true, force: true })
      for (const digest of new Set([...folders, ...(await records.digests())])) {
        const state = await stateOf(digest, new Set())
        const usedAt = state?.lastUsedAt ?? (await timeOf(folderOf(digest))) ?? Infinity
        if (usedAt > now() - unusedMs || !(await removed(digest)) || !state) continue
        gone.push(state)
      }
      return gone
    },
  }
  return shelf
}

/** When an environment was complete; undefined when it is not. */
export const completedAt = (folder: string): Promise<number | undefined> => timeOf(marker(folder))

/** When it was last changed; undefined when it is not there. */
const timeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ mtimeMs }) => Math.round(mtimeMs),
    () => undefined,
  )
