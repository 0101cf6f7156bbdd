import type { Digest } from '#kernel/digest.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { ArtifactEntry, ArtifactFile, ArtifactOwner, ArtifactUsage } from './artifact.ts'

/** Artifacts by path. Paths are in the form of `artifactPath`. Bytes are elsewhere, by digest. */
export interface ArtifactStore {
  /**
   * Puts a file at its path, over the one that is there, with the directories above it. Throws `invalid` when the path
   * is a directory, or one above it a file. Changes below one root wait for each other.
   */
  put(tx: AnyTx, file: ArtifactFile, owner: ArtifactOwner): Promise<void>
  /** Removes a file, or a directory with all below it; of what is not there, nothing. */
  remove(tx: AnyTx, path: string, at: number): Promise<void>
  find(path: string): Promise<ArtifactFile | 'directory' | undefined>
  /** The entries of a directory by name; none of one that is not there. */
  list(directory: string, page: PageRequest): Promise<Page<ArtifactEntry>>
  /** All files below a directory, by path. */
  files(directory: string): Promise<readonly ArtifactFile[]>
  /** The experiments that have artifacts. */
  owners(): Promise<readonly ArtifactOwner[]>
  usage(): Promise<readonly ArtifactUsage[]>
  /** The secret under a name: the given one, unless there is one already. */
  secret(name: string, fresh: string): Promise<string>
  /** Digests that lost a path before an instant, the oldest first. */
  dropped(before: number, limit: number): Promise<readonly { digest: Digest; at: number }[]>
  /** Puts digests back on that list that stand there since before an instant, as of a later one. */
  postpone(digests: readonly Digest[], before: number, at: number): Promise<void>
  /** Takes digests off that list, but those that were dropped again since. */
  forget(digests: readonly Digest[], before: number): Promise<void>
  /** Whether the sweep is this owner's until an instant: nobody else's, or of one that has gone silent. */
  lease(owner: string, now: number, until: number): Promise<boolean>
}
