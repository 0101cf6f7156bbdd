import type { Millis } from '#kernel/clock.ts'
import type { Digest } from '#kernel/digest.ts'

/** A file that a run, a logged model or a trace has: a place, and the bytes that are there now. */
export interface ArtifactFile {
  readonly path: string
  readonly digest: Digest
  /** Length in bytes. */
  readonly size: number
  readonly updatedAt: Millis
}

/** One line of a directory's listing. */
export interface ArtifactEntry {
  readonly name: string
  readonly kind: 'directory' | 'file'
  /** Length in bytes; 0 of a directory. */
  readonly size: number
}

/** Who has what is stored below a path: its first segment is the experiment. */
export interface ArtifactOwner {
  readonly project: string
  readonly experiment: string
}

/** What is stored for a project. */
export interface ArtifactUsage {
  readonly project: string
  readonly files: number
  readonly bytes: number
}

/** The part of a path that is locked and counted as one: a run's, a logged model's or a trace's place. */
export function rootOf(path: string): string {
  const segments = path.split('/')
  const depth = segments[1] === 'models' || segments[1] === 'traces' ? 3 : 2
  return segments.slice(0, Math.max(1, Math.min(depth, segments.length - 1))).join('/')
}
