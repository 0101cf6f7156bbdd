import type { AnyTx } from '#storage'
import type { RunId } from './run.ts'

/** The runs of a pipeline that may not all be active at the same time. What is a task of another run is none of them. */
export interface LaneStore {
  /**
   * Holds the lane until the transaction ends: of those who start and end runs of the pipeline one decides at a time.
   * Held runs for which there is room now are let in first.
   */
  enterLane(tx: AnyTx, entry: LaneEntry): Promise<Lane>
  /** What has not ended, oldest first. */
  openRuns(tx: AnyTx, lane: LaneKey): Promise<readonly OpenRun[]>
}

export interface LaneKey {
  readonly project: string
  readonly pipeline: string
}

interface LaneEntry extends LaneKey {
  /** Active runs at most, from now on. */
  readonly activeMax: number
  readonly key: string | undefined
  readonly at: number
}

interface Lane {
  /** Oldest first, and no more than as many as may be. */
  readonly active: readonly RunId[]
  /** The next place in the line of those that are held. */
  readonly place: number
  /** Whether the project has a run with this key. */
  readonly isKnown: boolean
}

export interface OpenRun {
  readonly id: RunId
  readonly isHeld: boolean
  /** Whether it is being cancelled. */
  readonly isCancelled: boolean
}
