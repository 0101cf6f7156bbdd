import type { Readable } from 'node:stream'
import type { Clock } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'
import { invalid, notFound, TrainyardError } from '#kernel/error.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import { retried, type AnyTx, type Blob, type Blobs, type Db } from '#storage'
import type { ArtifactEntry, ArtifactFile, ArtifactOwner, ArtifactUsage } from './artifact.ts'
import { artifactPath, filePath } from './artifact-path.ts'
import type { ArtifactStore } from './artifact-store.ts'

/**
 * Files of runs, logged models and traces: names in a table, bytes by their digest. Whatever a path says, it is a key
 * of that table and never a place on a disk. Paths are relative to the root of all artifacts: `<experiment>/…`.
 */
export interface Artifacts {
  /** Stores a stream at a path; one that breaks off leaves what was there. Throws `invalid` on a directory's path. */
  put(path: string, bytes: Readable, owner: ArtifactOwner): Promise<ArtifactFile>
  /** Gives stored bytes a path. */
  place(tx: AnyTx, path: string, blob: Blob, owner: ArtifactOwner): Promise<ArtifactFile>
  /** Throws `not_found`, and `invalid` when the path is a directory. */
  get(path: string): Promise<ArtifactFile>
  /** A file's bytes, or those from one position to another, both included. */
  read(file: { digest: Digest }, range?: { from: number; to: number }): Promise<Readable>
  /** A file's bytes as text; undefined when there is none. Throws `too_large` beyond 64 MiB. */
  text(path: string): Promise<string | undefined>
  /** The entries of a directory by name; none of a file, or of what is not there. */
  list(directory: string, page: PageRequest): Promise<Page<ArtifactEntry>>
  /** All files below a directory with paths relative to it, sorted. */
  tree(directory: string): Promise<readonly { path: string; digest: Digest; size: number }[]>
  /** Removes a file, or a directory with all below it. A repeat is harmless; the root is refused. */
  remove(path: string): Promise<void>
  /** The same in the caller's transaction, for what ends together with its run. */
  purge(tx: AnyTx, path: string): Promise<void>
  /** The experiments that have artifacts. */
  owners(): Promise<readonly ArtifactOwner[]>
  /** Files and bytes by project. A file that two places name is counted twice. */
  usage(): Promise<readonly ArtifactUsage[]>
}

export interface ArtifactParts {
  readonly db: Db
  readonly store: ArtifactStore
  readonly blobs: Pick<Blobs, 'put' | 'read' | 'part' | 'bytes'>
  readonly clock: Clock
}

const textBytesMax = 64 * 1024 * 1024

export function createArtifacts({ db, store, blobs, clock }: ArtifactParts): Artifacts {
  const place: Artifacts['place'] = async (tx, path, { digest, size }, owner) => {
    const file = { path: filePath(path), digest, size, updatedAt: clock.now() }
    await store.put(tx, file, owner)
    return file
  }

  return {
    place,

    async put(path, bytes, owner) {
      // What can be refused is refused before gigabytes are read.
      if ((await store.find(filePath(path))) === 'directory') throw isDirectory(path)
      const blob = await blobs.put(bytes)
      return retried(() => db.transaction().execute(tx => place(tx, path, blob, owner)))
    },

    async get(path) {
      const found = await store.find(filePath(path))
      if (found === 'directory') throw isDirectory(path)
      if (!found) throw notFound('artifact', path)
      return found
    },

    read: ({ digest }, range) => (range ? blobs.part(digest, range.from, range.to) : blobs.read(digest)),

    async text(path) {
      const found = await store.find(filePath(path))
      if (!found || found === 'directory') return undefined
      if (found.size > textBytesMax)
        throw new TrainyardError('too_large', `A text has ${textBytesMax} bytes at most; this has ${found.size}.`)
      return (await blobs.bytes(found.digest)).toString()
    },

    list: (directory, page) => store.list(artifactPath(directory), page),

    async tree(directory) {
      const root = artifactPath(directory)
      const files = await store.files(root)
      return files.map(({ path, digest, size }) => ({ path: path.slice(root.length + 1), digest, size }))
    },

    remove: path => retried(() => db.transaction().execute(tx => store.remove(tx, filePath(path), clock.now()))),
    purge: (tx, path) => store.remove(tx, filePath(path), clock.now()),
    owners: () => store.owners(),
    usage: () => store.usage(),
  }
}

const isDirectory = (path: string) =>
  invalid('The path is a directory.', [{ field: 'path', value: path, allowed: 'the path of a file' }])

/** The files below a place in the platform's own store; of artifacts elsewhere none are known. */
export async function filesAt(
  artifacts: Pick<Artifacts, 'tree'>,
  uri: string,
): Promise<{ path: string; digest: Digest; size: number }[]> {
  const path = /^mlflow-artifacts:\/+(.+)$/.exec(uri)?.[1]
  return path === undefined ? [] : [...(await artifacts.tree(path))]
}
