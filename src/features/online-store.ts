import type { z } from 'zod'
import type { Millis } from '#kernel/clock.ts'
import type { OnlineRowWire } from './wire.ts'

export type FeatureValue = null | boolean | number | string

/** The features of one key, as of some instant. Values of an expired row are withheld from who does not ask for them. */
export type OnlineRow = z.output<typeof OnlineRowWire>

/** What a view said of a key from an instant on. */
export interface FeatureRow {
  readonly key: string
  readonly eventTime: Millis
  readonly values: Readonly<Record<string, FeatureValue>>
}

export interface ViewName {
  readonly project: string
  readonly view: string
}

/** Which feature version the rows of a view are. */
export interface OnlineState {
  readonly version: string
  readonly number: number
  /** Newest event time. */
  readonly to: Millis
  readonly retentionMs: number
  readonly rows: number
  /** Somebody began to change the rows and has not finished: they may be a mixture. */
  readonly isPending: boolean
}

export interface OnlineRead extends ViewName {
  readonly keys: readonly string[]
  /** The instant as of which the features are read; now when absent. */
  readonly at?: Millis | undefined
  /** A row older than this at that instant is expired; one exactly as old is not. */
  readonly maxAgeMs?: number | undefined
  /** Whether an expired row has its values all the same. */
  readonly withExpired?: boolean | undefined
}

/**
 * The online feature store [the paper, C4]: rows by key and event time, so that a read as of an earlier instant is exact.
 * Model servers read it from processes of their own. Adapters must pass online-store.contract.ts.
 */
export interface OnlineStore {
  /** For each key, in their order, the newest row at or before the instant. One statement, whatever the number of keys. */
  read(request: OnlineRead): Promise<OnlineRow[]>
  /** Writes rows over those of the same key and event time, as rows of this version. At most 1,000 in a transaction. */
  write(view: ViewName, version: string, rows: readonly FeatureRow[]): Promise<void>
  /** Removes every row that another version wrote. */
  removeOthers(view: ViewName, version: string): Promise<void>
  /** Removes what no read at `before` or later can answer: each key keeps its newest row up to then, and all after it. */
  prune(view: ViewName, before: Millis): Promise<void>
  state(view: ViewName): Promise<OnlineState | undefined>
  /** Says that somebody begins to change rows. The last to say so is the one who may finish. */
  begin(view: ViewName, token: string): Promise<void>
  /** Says which version the rows are now; false when somebody else has begun meanwhile. Counts the rows. */
  finish(view: ViewName, token: string, state: Omit<OnlineState, 'rows' | 'isPending'>): Promise<boolean>
  close(): Promise<void>
}

/** Rows of one transaction. */
export const batchRows = 1_000
