import type { z } from 'zod'
import type { Digest } from '#kernel/digest.ts'
import type { Millis } from '#kernel/clock.ts'
import type { AnyTx } from '#storage'
import type { rolledOut } from './events.ts'
import type { CanaryMoveWire } from './wire.ts'

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

/** What was decided of a canary: see `CanaryMoveWire`. */
export type DecidedMove = z.output<typeof CanaryMoveWire> & { readonly deployment: string }

/** What became of the attempt to write a version as ONNX. */
export interface Conversion {
  readonly version: string
  /**
   * `faster`: it gives the same answers, sooner, and is what a deployment serves. `slower`: the same answers. `inexact`:
   * other answers. `none`: there is no such file.
   */
  readonly outcome: 'faster' | 'slower' | 'inexact' | 'none'
  /** As a sentence. */
  readonly reason: string
  /** The file, and what was found of it; absent of `none`. */
  readonly onnx?: Digest
  readonly bytes?: number
  /** Rows that both were asked about, and where they, or the values that they were drawn from, come from. */
  readonly rows?: number
  readonly sample?: 'training data' | 'example'
  readonly maxDelta?: number
  /** Values that were not the same. */
  readonly differing?: number
  /** What one row takes, in milliseconds. */
  readonly onnxMs?: number
  readonly pythonMs?: number
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
  /** Appends to what was decided in the same run. */
  addMove(move: DecidedMove): Promise<void>
  /** Of a run, oldest first. */
  movesOf(run: string): Promise<readonly DecidedMove[]>
  /** Of a deployment, newest first. */
  moves(deployment: string, limit: number): Promise<readonly DecidedMove[]>
  /** Notes what became of a version's conversion, instead of what was known before. */
  keepConversion(conversion: Conversion): Promise<void>
  conversion(version: string): Promise<Conversion | undefined>
}
