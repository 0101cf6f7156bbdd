import type { Millis } from '#kernel/clock.ts'
import type { Lifecycle } from './experiment.ts'
import type { Dataset, ModelLink } from './run-input.ts'
import type { KeyText } from './key-text.ts'
import type { RunStatus } from './tracking-run.ts'

export type ImportedDataset = Dataset & { readonly tags: readonly KeyText[] }
export type ImportedLink = ModelLink & { readonly direction: 'input' | 'output' }

/** A run of another ledger, without its points and its end. */
export interface ImportedRun {
  readonly experimentId: string
  readonly name: string
  readonly user: string
  readonly startedAt: Millis
  readonly params: readonly KeyText[]
  readonly tags: readonly KeyText[]
  readonly datasets: readonly ImportedDataset[]
  readonly links: readonly ImportedLink[]
}

export interface RunEnd {
  readonly status: RunStatus
  readonly lifecycle: Lifecycle
  readonly endedAt?: Millis | undefined
}
