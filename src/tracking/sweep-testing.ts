import { randomUUID } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { fsBlobs, fsBlobTrash, referredTo, type Db } from '#storage'
import { createArtifactSweep } from './artifact-sweep.ts'
import { sqlArtifactStore } from './artifact-store.sql.ts'
import { artifactReferences } from './artifact-tables.ts'
import { createArtifacts } from './artifacts.ts'

export const hour = 3_600_000

/** Artifacts over a database and a folder, and a sweep with a grace of a day, whose clock runs with that of the files. */
export function openSweep(db: Db, root: string, owner = 'one') {
  let ahead = 0
  const clock = { now: () => Math.floor(Date.now() + ahead) as Millis }
  const files = fsBlobs(root)
  /** The files' clock cannot be turned on: what they are given as time of writing is. */
  const stamped = async <Blob extends { digest: Digest } | undefined>(blob: Promise<Blob>): Promise<Blob> => {
    const found = await blob
    if (!found) return found
    const at = clock.now() / 1_000
    // Thrown away before it has its time: it comes back when it is read.
    await utimes(join(root, 'sha256', found.digest.slice(0, 2), found.digest), at, at).catch(() => {})
    return found
  }
  const blobs: typeof files = {
    ...files,
    put: bytes => stamped(files.put(bytes)),
    keep: digest => stamped(files.keep(digest)),
  }
  const store = sqlArtifactStore(db)
  const artifacts = createArtifacts({ db, store, blobs, clock })
  const sweep = createArtifactSweep({
    store,
    trash: fsBlobTrash(root),
    referredTo: (asked, signal) => referredTo({ db, blobs, ...artifactReferences }, asked, signal),
    clock,
    owner,
    graceMs: 24 * hour,
    newName: randomUUID,
  })
  return {
    db,
    blobs,
    store,
    artifacts,
    sweep,
    clock,
    advance: (ms: number) => void (ahead += ms),
    put: (path: string, text: string) =>
      artifacts.put(path, Readable.from([Buffer.from(text)]), { project: 'rain', experiment: path.split('/')[0]! }),
  }
}
