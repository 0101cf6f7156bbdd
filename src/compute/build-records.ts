import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import { Digest, Instant } from '#kernel/wire.ts'
import { environmentKinds } from '#project'
import { readLogFile } from '#workflow'

/** What is kept of the last build of an environment, beside it: how it went, and all that it said. */
export const BuildRecord = z.object({
  kind: z.enum(environmentKinds),
  lock: z.string(),
  lockDigest: Digest,
  runtime: z.string(),
  startedAt: Instant,
  endedAt: Instant.optional(),
  /** Bytes. */
  size: z.int().optional(),
  /** Why it came to nothing. */
  error: z.string().optional(),
})
export type BuildRecord = z.output<typeof BuildRecord>

export interface BuildRecords {
  /** Digests of the environments that there are records of, in their order. */
  digests(): Promise<readonly string[]>
  read(digest: string): Promise<(BuildRecord & { readonly lastUsedAt: Millis }) | undefined>
  /** Keeps it, as last used now. A full disk loses the record, and not the environment. */
  write(digest: string, record: BuildRecord): Promise<void>
  /** Notes that it was used now. Answers whether there is a record to note it in. */
  used(digest: string): Promise<boolean>
  /** Begins the log anew. */
  openLog(digest: string): Promise<BuildLog>
  readLog(digest: string, offset: number): Promise<{ text: string; next: number; isAll: boolean }>
  remove(digest: string): Promise<void>
}

interface BuildLog {
  line(text: string): void
  /** Resolves when every line can be read. */
  close(): Promise<void>
}

/** A builder that writes without end must not fill the disk. */
const logBytesMax = 64 * 1024 * 1024

/** A folder for each environment, with `record.json`, whose time is that of the last use, and `log`. */
export function createBuildRecords(folder: string, now: () => Millis): BuildRecords {
  const place = (digest: string, name: string): string => join(folder, digest, name)
  const recordOf = (digest: string): string => place(digest, 'record.json')
  const touch = async (path: string): Promise<void> => utimes(path, now() / 1_000, now() / 1_000)

  return {
    digests: async () => (await readdir(folder).catch((): string[] => [])).toSorted(),

    async read(digest) {
      try {
        const text = await readFile(recordOf(digest), 'utf8')
        const { mtimeMs } = await stat(recordOf(digest))
        return { ...BuildRecord.parse(JSON.parse(text)), lastUsedAt: Math.round(mtimeMs) as Millis }
      } catch {
        return undefined
      }
    },

    async write(digest, record) {
      const path = recordOf(digest)
      await mkdir(join(folder, digest), { recursive: true, mode: 0o700 })
        .then(() => writeFile(`${path}.part`, JSON.stringify(record)))
        .then(() => rename(`${path}.part`, path))
        .then(() => touch(path))
        .catch(() => {})
    },

    used: digest =>
      touch(recordOf(digest)).then(
        () => true,
        () => false,
      ),

    async openLog(digest) {
      const path = place(digest, 'log')
      await mkdir(join(folder, digest), { recursive: true, mode: 0o700 })
      // What a build that was given up still says goes to the file that it had.
      await rm(path, { force: true })
      return capped(path)
    },

    readLog: (digest, offset) => readLogFile(place(digest, 'log'), offset),
    remove: digest => rm(join(folder, digest), { recursive: true, force: true }),
  }
}

function capped(path: string): BuildLog {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 })
  // A full disk makes the log shorter; it does not end the build.
  stream.on('error', () => {})
  let room = logBytesMax
  return {
    line(text) {
      if (room < 0) return
      room -= Buffer.byteLength(text) + 1
      stream.write(room < 0 ? `… the log is full: what follows is left out …\n` : `${text}\n`)
    },
    close: () => new Promise(resolve => stream.on('close', resolve).end()),
  }
}
