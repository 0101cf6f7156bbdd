import type { Digest } from '#kernel/digest.ts'

/**
 * Which files a task has kept for its next attempt, by the task's key: the same over all its attempts.
 *
 * Adapters must pass checkpoint-store.contract.ts.
 */
export interface CheckpointStore {
  /** The tree of the files. */
  find(key: string): Promise<Digest | undefined>
  /** Keeps another tree for the task. False, and nothing is kept, when a later attempt has kept one. */
  put(checkpoint: Checkpoint): Promise<boolean>
  /** Lets what a task has kept go at another instant. */
  expire(key: string, at: number): Promise<void>
  /** Forgets what was to be kept until before this instant. Returns how many. */
  sweep(now: number): Promise<number>
}

export interface Checkpoint {
  readonly key: string
  /** Number of the attempt. */
  readonly attempt: number
  readonly tree: Digest
  readonly keptUntil: number
}
