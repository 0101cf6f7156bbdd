import type { BundleManifest } from '../bundle.ts'
import type { Batcher } from './batcher.ts'
import type { Postprocess } from './serving-code.ts'

/** A bundle that can answer. */
export interface LoadedModel {
  readonly manifest: BundleManifest
  readonly batcher: Batcher
  readonly postprocess: Postprocess | undefined
  /** How long it took until it could answer, in milliseconds. */
  readonly loadMs: number
  /** What it takes now; 0 while it rests. */
  memoryBytes(): number
  release(): Promise<void>
}
