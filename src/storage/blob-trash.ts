import { mkdir, readdir, rename, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Millis } from '#kernel/clock.ts'
import { crashPoint } from '#kernel/crash-point.ts'
import type { Digest } from '#kernel/digest.ts'
import {
  bringBack,
  incomingOf,
  isDigest,
  placeOf,
  publish,
  refresh,
  trashedAt,
  trashOf,
  unlessAbsent,
} from './blob-folder.ts'
import type { Blob } from './blobs.ts'

/** Bytes that were taken out of place. */
export interface Trashed extends Blob {
  /** When. */
  readonly at: Millis
}

/**
 * How bytes leave a store of blobs: into the trash first, from which they come back whenever they are read, written or
 * asked for; for good only from there. Whether anything refers to them is the caller's to know.
 */
export interface BlobTrash {
  /** Bytes in place, and when they were last written or asked to be kept. */
  inPlace(digest: Digest): Promise<(Blob & { readonly writtenAt: number }) | undefined>
  /** Moves bytes that were not written since `before` into the trash; undefined when there are none such. */
  discard(digest: Digest, times: { readonly at: Millis; readonly before: number }): Promise<Blob | undefined>
  /** Brings bytes back. A repeat is harmless. */
  restore(digest: Digest): Promise<void>
  /** What is in the trash, in no order. */
  list(): AsyncIterable<Trashed>
  /** Removes for good. Returns whether that freed the bytes: not when they came back, or were written again. */
  remove(trashed: Trashed): Promise<boolean>
  /** Removes what a crash left half written so long ago, by the clock of the file system. */
  sweepIncoming(ageMs: number): Promise<void>
  /** Notes a database whose platform uses this store. Returns whether it is the only one that ever did. */
  claim(database: string): Promise<boolean>
}

export function fsBlobTrash(root: string): BlobTrash {
  const inPlace: BlobTrash['inPlace'] = async digest => {
    const found = await unlessAbsent(stat(placeOf(root, digest)))
    return found && { digest, size: found.size, writtenAt: found.mtimeMs }
  }

  return {
    inPlace,

    async discard(digest, { at, before }) {
      const found = await inPlace(digest)
      if (!found || found.writtenAt >= before) return undefined
      const target = join(trashOf(root, digest), String(at))
      await mkdir(trashOf(root, digest), { recursive: true })
      await unlessAbsent(rename(placeOf(root, digest), target))
      crashPoint('blobs.trashed')
      const moved = await unlessAbsent(stat(target))
      if (moved && moved.mtimeMs < before) return { digest, size: moved.size }
      // Written between the look and the move: what was moved is the new file, whose writer was told that it is there.
      if (moved) await unlessAbsent(publish(target, placeOf(root, digest)))
      return undefined
    },

    async restore(digest) {
      if (!(await bringBack(root, digest))) return
      await unlessAbsent(refresh(placeOf(root, digest)))
    },

    async *list() {
      for (const digest of (await unlessAbsent(readdir(join(root, 'trash')))) ?? [])
        if (isDigest(digest)) yield* trashedOf(root, digest)
    },

    async remove({ digest, at }) {
      const isGone = await unlessAbsent(unlink(join(trashOf(root, digest), String(at))).then(() => true))
      // One of a digest that has others stays; an empty one is no loss.
      await rmdir(trashOf(root, digest)).catch(() => {})
      return isGone === true && !(await inPlace(digest))
    },

    async sweepIncoming(ageMs) {
      const before = Date.now() - ageMs
      for (const name of (await unlessAbsent(readdir(incomingOf(root)))) ?? []) {
        const file = join(incomingOf(root), name)
        const found = await unlessAbsent(stat(file))
        if (found && found.mtimeMs < before) await rm(file, { force: true })
      }
    },

    async claim(database) {
      const folder = join(root, 'databases')
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, database), '')
      return (await readdir(folder)).length === 1
    },
  }
}

async function* trashedOf(root: string, digest: Digest): AsyncGenerator<Trashed> {
  const instants = await trashedAt(root, digest)
  // Left by a crash between two steps.
  if (instants.length === 0) await rmdir(trashOf(root, digest)).catch(() => {})
  for (const at of instants) {
    const found = await unlessAbsent(stat(join(trashOf(root, digest), String(at))))
    if (found) yield { digest, size: found.size, at }
  }
}
