import type { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import type { AnyTx } from '#storage'
import type { rolledOut } from './events.ts'

/** What a run of the ci pipeline delivered. */
export interface Delivered {
  readonly run: string
  readonly project: string
  readonly commit: string
  readonly code: Digest
  readonly revision: string
  readonly at: Millis
}

/** How a run of the deploy pipeline ended. */
export interface Rollout extends z.output<typeof rolledOut.schema> {
  readonly run: string
  readonly at: Millis
}

/** Where the ends of deliveries are kept. Adapters must pass store.contract.ts. */
export interface DeliveryStore {
  /** Notes what a run delivered, once: `within` runs in the same transaction, and not again for the same run. */
  deliver(delivered: Delivered, within: (tx: AnyTx) => Promise<void>): Promise<void>
  /** Those of these runs that delivered, by run. */
  delivered(runs: readonly string[]): Promise<ReadonlyMap<string, Delivered>>
  /** Notes how a run ended, once: `within` runs in the same transaction, and not again for the same run. */
  conclude(rollout: Rollout, within: (tx: AnyTx) => Promise<void>): Promise<void>
}
