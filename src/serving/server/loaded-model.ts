import type { BundleManifest } from '../bundle.ts'
import type { Batcher } from './batcher.ts'
import type { Requested } from '../requested.ts'
import type { Placement } from './placement.ts'
import type { ServingCode } from './serving-code.ts'

export { requestedOf } from '../requested.ts'

/** A bundle that can answer. */
export interface LoadedModel {
  readonly manifest: BundleManifest
  /** Where some of its inputs are computed when a request comes. */
  readonly requested: Requested | undefined
  readonly batcher: Batcher
  /** Its answers are texts that can be heard in parts. */
  readonly isStreaming: boolean
  readonly code: ServingCode
  /** How long it took until it could answer, in milliseconds. */
  readonly loadMs: number
  /** Where it computes; undefined for what asks others. */
  placement(): Placement | undefined
  /** What it takes now; 0 while it rests. */
  memoryBytes(): number
  release(): Promise<void>
}

/** The bundle as requests are read by it. */
export const askedOf = ({ manifest, requested }: LoadedModel): BundleManifest => requested?.asked ?? manifest

/** What callers are told to send, and what they get. */
export const toldOf = ({ manifest, requested }: LoadedModel): BundleManifest['signature'] =>
  requested?.told ?? manifest.signature
