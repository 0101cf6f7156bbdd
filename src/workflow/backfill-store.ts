import type { Page, PageRequest } from '#kernel/page.ts'
import type { AnyTx } from '#storage'
import type { Backfill } from './backfill.ts'
import type { Run, RunState } from './run.ts'

/** Runs for past instants, and how far they are. */
export interface BackfillStore {
  insertBackfill(tx: AnyTx, backfill: Backfill): Promise<void>
  findBackfill(project: string, id: string): Promise<Backfill | undefined>
  /** Newest first. */
  backfills(project: string, page: PageRequest): Promise<Page<Backfill>>
  /** Those that have not ended, oldest first. */
  openBackfills(limit: number): Promise<readonly Backfill[]>
  /** How many of its runs are in which state. */
  backfillRuns(id: string): Promise<Readonly<Partial<Record<RunState, number>>>>
  /** Its runs that have not ended. */
  openBackfillRuns(tx: AnyTx, id: string): Promise<readonly Run['id'][]>
  /** Changes how far it is; false when that has changed since it was read. */
  moveBackfill(tx: AnyTx, backfill: Backfill, move: BackfillMove): Promise<boolean>
  /** The run of a key, as it stands in the transaction. */
  runOfKey(tx: AnyTx, project: string, key: string): Promise<Pick<Run, 'id' | 'state'> | undefined>
  /** Takes its key from a run that has ended, so that another one can have it. */
  freeKey(tx: AnyTx, run: string): Promise<void>
}

/** What is left out stays as it is; null takes it away. */
export interface BackfillMove {
  readonly next?: number | null
  /** Added to what there is. */
  readonly looked?: number
  readonly kept?: number
  readonly endedAt?: number
  readonly error?: string
  readonly cancelled?: { readonly at: number; readonly by: string }
}
