import type { Clock } from '#kernel/clock.ts'
import type { Blobs } from '#storage'
import type { NodeTerms } from './assignment.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Engine } from './engine.ts'
import type { Mlflow } from './mlflow-access.ts'
import type { RemoteStore } from './store.ts'

export interface RemoteDeps extends NodeTerms {
  /** Under which tasks name it. */
  readonly name: string
  readonly engine: Engine
  readonly store: RemoteStore
  readonly blobs: Blobs
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  /** Where nodes reach the platform. */
  nodeUrl(): string
  readonly mlflow?: Mlflow
  /** Resolves when a node of the attempt is heard, or after the time. */
  listen(attempt: string, ms: number): Promise<void>
  /** Between two questions to the engine. */
  readonly pollMs: number
}
