import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { notFound } from '#kernel/error.ts'
import { writeStream } from '#storage'
import type { UploadPart } from './upload.ts'

/** Bytes of uploads that are under way: kept apart, so that a part which never becomes a file is nobody's blob. */
export interface UploadParts {
  /** Stores a part; one that breaks off leaves nothing. */
  write(upload: string, number: number, bytes: Readable): Promise<UploadPart>
  /** The parts one after the other. */
  read(upload: string, parts: readonly UploadPart[]): Readable
  /** Removes all parts of an upload. A repeat is harmless. */
  remove(upload: string): Promise<void>
}

/** Parts in a folder for each upload. A name holds the digest: a part that is sent again never changes what is read. */
export function fsUploadParts(root: string): UploadParts {
  const folderOf = (upload: string): string => {
    if (!/^[0-9a-f]{32}$/.test(upload)) throw notFound('upload', upload)
    return join(root, upload)
  }
  const place = (upload: string, { number, digest }: UploadPart): string =>
    join(folderOf(upload), `${number}-${digest}`)

  return {
    async write(upload, number, bytes) {
      await mkdir(folderOf(upload), { recursive: true })
      const temporary = join(folderOf(upload), randomUUID())
      try {
        const part = { number, ...(await writeStream(temporary, bytes)) }
        await rename(temporary, place(upload, part))
        return part
      } finally {
        await rm(temporary, { force: true })
      }
    },

    read(upload, parts) {
      async function* joined(): AsyncGenerator<Buffer> {
        for (const part of parts) yield* createReadStream(place(upload, part)) as AsyncIterable<Buffer>
      }
      return Readable.from(joined(), { objectMode: false })
    },

    remove: upload => rm(folderOf(upload), { recursive: true, force: true }),
  }
}
