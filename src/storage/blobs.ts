import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline, Readable } from 'node:stream'
import type { Digest } from '#kernel/digest.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { writeStream } from './file-sink.ts'
import { createMeter, type MeterChoices } from './meter.ts'
import { bringBack, digestsAfter, incomingOf, placeOf, publish, refresh, unlessAbsent } from './blob-folder.ts'

export interface Blob {
  readonly digest: Digest
  /** Length in bytes. */
  readonly size: number
}

/** Bytes by their SHA-256. Writing the same bytes twice stores them once; what was written can never change. */
export interface Blobs {
  /**
   * Stores bytes. When it returns they survive a crash of the machine. The chunks of a stream of bytes are given away with
   * it; those of a stream of objects stay their maker's.
   */
  put(bytes: Uint8Array | string | Readable): Promise<Blob>
  /** Stores a file's bytes; the file stays where it is. */
  putFile(path: string): Promise<Blob>
  /** The bytes as a stream that fails at its end when they are not what the digest says. Throws `not_found`. */
  read(digest: Digest): Promise<Readable>
  /** Bytes `from` to `to`, both included, as they are on disk: only the whole can be verified. Throws `not_found`. */
  part(digest: Digest, from: number, to: number): Promise<Readable>
  /** All bytes, verified. For small blobs: JSON, SQL, models. Throws `not_found`. */
  bytes(digest: Digest): Promise<Buffer>
  /** A read-only local file with the bytes, verified once per process. For readers that want a path. Throws `not_found`. */
  path(digest: Digest): Promise<string>
  find(digest: Digest): Promise<Blob | undefined>
  /** Those in place, in the order of their digests: not what lies in the trash. */
  list(page: PageRequest): Promise<Page<Blob>>
  /** Like `find`, for who will refer to the bytes without writing them: they are not freed before the grace is over. */
  keep(digest: Digest): Promise<Blob | undefined>
}

/**
 * Blobs in a folder: `sha256/ab/<hex>`, written beside and renamed into place. What lies in the trash there comes back
 * when it is asked for.
 */
export function fsBlobs(root: string): Blobs {
  const place = (digest: Digest): string => placeOf(root, digest)
  const whole = new Set<Digest>()

  async function store(source: Readable): Promise<Blob> {
    const incoming = incomingOf(root)
    await mkdir(incoming, { recursive: true })
    const temporary = join(incoming, randomUUID())
    try {
      const { digest, size } = await writeStream(temporary, source)
      crashPoint('blobs.written')
      await publish(temporary, place(digest))
      return { digest, size }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  const read = async (digest: Digest): Promise<Readable> => {
    if (!(await blobs.find(digest))) throw notFound('artifact', digest)
    const { through } = createMeter(verified(digest))
    // Who stops reading closes the file.
    return pipeline(createReadStream(place(digest)), through, () => {})
  }

  const blobs: Blobs = {
    put: bytes => store(bytes instanceof Readable ? bytes : Readable.from([Buffer.from(bytes)])),
    putFile: path => store(createReadStream(path)),
    read,
    async part(digest, start, end) {
      if (!(await blobs.find(digest))) throw notFound('artifact', digest)
      return createReadStream(place(digest), { start, end })
    },
    bytes: async digest => Buffer.concat(await (await read(digest)).toArray()),
    async path(digest) {
      if (!whole.has(digest)) {
        for await (const _ of await read(digest));
        whole.add(digest)
      } else if (!(await blobs.find(digest))) throw notFound('artifact', digest)
      return place(digest)
    },
    async find(digest) {
      let found = await unlessAbsent(stat(place(digest)))
      if (!found && (await bringBack(root, digest))) found = await unlessAbsent(stat(place(digest)))
      return found && { digest, size: found.size }
    },
    async list({ limit, after = '' }) {
      const digests = await digestsAfter(root, after, limit + 1)
      const page = digests.slice(0, limit)
      const found = await Promise.all(page.map(digest => unlessAbsent(stat(place(digest)))))
      return {
        // What went to the trash meanwhile is passed over, and a cursor all the same.
        items: found.flatMap((file, index) => (file ? [{ digest: page[index]!, size: file.size }] : [])),
        ...(digests.length > limit && { next: page.at(-1)! }),
      }
    },
    async keep(digest) {
      // Taken away between the two: it is in the trash, and comes back fresh.
      if (await blobs.find(digest)) await unlessAbsent(refresh(place(digest)))
      return blobs.find(digest)
    },
  }
  return blobs
}

/** Fails at the end of bytes that are not those of a digest. */
const verified = (expected: Digest): MeterChoices => ({
  refuse: found =>
    found === expected
      ? undefined
      : new TrainyardError('unavailable', `Artifact ${expected} is damaged on disk: its bytes hash to ${found}.`, {
          digest: expected,
        }),
})
