import type { Digest } from '#kernel/digest.ts'
import type { ArtifactOwner } from './artifact.ts'

/** A file that comes in parts, in any order and by several connections. */
export interface Upload extends ArtifactOwner {
  /** Unguessable, 32 hex digits. */
  readonly id: string
  readonly path: string
  /** How many parts there will be, numbered from 1. */
  readonly parts: number
  readonly state: 'open' | 'complete'
  /** After this instant what came of it is removed. */
  readonly expiresAt: number
}

/** What came of a part. Its digest is its ETag. */
export interface UploadPart {
  readonly number: number
  readonly digest: Digest
  readonly size: number
}
