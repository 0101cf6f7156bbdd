import type { Digest } from '#kernel/digest.ts'

/** Bytes that a project keeps: each digest once, whatever of it names them. */
export interface Held {
  readonly project: string
  readonly digest: Digest
}
