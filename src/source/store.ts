import type { Id } from '#kernel/id.ts'
import type { Millis } from '#kernel/clock.ts'
import type { AnyTx } from '#storage'

/** What the platform knows of a repository; its commits are git's. */
export interface RepositoryRecord {
  readonly id: Id<'repository'>
  readonly project: string
  readonly createdAt: Millis
}

export interface Head {
  readonly branch: string
  readonly commit: string
}

/** Where repositories and their announced heads are kept. Adapters must pass store.contract.ts. */
export interface RepositoryStore {
  /** The project's repository; the draft becomes it when there is none yet. */
  findOrAdd(draft: RepositoryRecord): Promise<RepositoryRecord>
  find(project: string): Promise<RepositoryRecord | undefined>
  /** By id, in pages: those after `after`. */
  list(limit: number, after?: string): Promise<readonly RepositoryRecord[]>
  /** The heads that were announced. */
  heads(id: RepositoryRecord['id']): Promise<readonly Head[]>
  /**
   * Moves a head from `before` (undefined: a branch never seen) to `head.commit`, and runs `within` in the same
   * transaction. False, with nothing changed, when the recorded head is not `before`: someone else was first.
   */
  moveHead(
    move: { id: RepositoryRecord['id']; head: Head; before: string | undefined; at: Millis },
    within: (tx: AnyTx) => Promise<void>,
  ): Promise<boolean>
}
