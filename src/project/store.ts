import type { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { ProjectSummaryWire, RevisionWire } from './wire.ts'

/** What a project declared at one time: the parsed project file and the code it came with. Never changes. */
export type Revision = z.output<typeof RevisionWire>
export type ProjectSummary = z.output<typeof ProjectSummaryWire>

export interface RevisionDraft extends Omit<Revision, 'number'> {
  /** Equal for drafts that declare the same. */
  readonly fingerprint: Digest
}

export interface Appended {
  readonly revision: Revision
  /** What was current before; undefined for the first revision. */
  readonly before: Revision | undefined
  readonly added: boolean
}

/** Where projects and their revisions are kept. Adapters must pass store.contract.ts. */
export interface ProjectStore {
  /**
   * Makes the draft the current revision of its project, numbered densely even when writers race; when the current one
   * has the same fingerprint, that one is answered and nothing changes. `within` runs in the same transaction, after an
   * addition only.
   */
  append(draft: RevisionDraft, within: (tx: AnyTx, appended: Appended) => Promise<void>): Promise<Appended>
  /** The id of the current revision. */
  head(project: string): Promise<Revision['id'] | undefined>
  find(id: string): Promise<Revision | undefined>
  /** Last applied first; some of them when named. */
  list(page: PageRequest, names?: readonly string[]): Promise<Page<ProjectSummary>>
  /** Newest first. */
  history(project: string, page: PageRequest): Promise<Page<Revision>>
}
