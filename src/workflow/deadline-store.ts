import type { AnyTx } from '#storage'
import type { Run } from './run.ts'

/** When runs are to have ended, and how old the last success of a pipeline may be. */
export interface DeadlineStore {
  /** Brings what a project declares up to date. What is new counts from the last success on, or from now. */
  setFreshness(tx: AnyTx, project: string, limits: readonly FreshnessLimit[], at: number): Promise<void>
  freshness(project: string): Promise<readonly Freshness[]>
  /** The first instant at which {@link missDeadlines} may find something. */
  nextDeadlineAt(): Promise<number | undefined>
  /** Notes what is late: each run and each pipeline is answered once, whoever asks. A success makes its pipeline fresh again. */
  missDeadlines(tx: AnyTx, now: number, limit: number): Promise<Missed>
  /** When the first of the runs that are under way will have taken as long as it may. */
  nextLimitAt(): Promise<number | undefined>
  /** Runs that have taken as long as they may: at most `limit`, the longest ago first. */
  overLimit(now: number, limit: number): Promise<readonly Run[]>
  /** Notes that a run took too long, so that it fails with its last task. False when it has ended, or is ended already. */
  setLimited(tx: AnyTx, run: string, at: number): Promise<boolean>
}

export interface FreshnessLimit {
  readonly pipeline: string
  readonly maxAgeMs: number
}

export interface Freshness extends FreshnessLimit {
  readonly project: string
  /** Of the last success, or of the declaration when there has been none. */
  readonly since: number
  /** Since when it is stale. */
  readonly staleAt: number | undefined
}

export interface Missed {
  readonly runs: readonly Run[]
  readonly pipelines: readonly Freshness[]
}
