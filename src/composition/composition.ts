import type { Access } from '#access'
import type { Assurance } from '#assurance'
import type { Checkpoints, LocalExecutor, Remotes } from '#compute'
import type { Data } from '#data'
import type { Delivery } from '#delivery'
import type { Features } from '#features'
import type { Ledger, OpenLineageIntake } from '#metadata'
import type { Monitoring } from '#monitoring'
import type { Notifications } from '#notifications'
import type { Courier } from '#outbound'
import type { BlobUploads, Projects } from '#project'
import type { Onnx, RegisteredModels, RegisteredVersions, Registry, Webhooks } from '#registry'
import type { Secrets } from '#secrets'
import type { Serving } from '#serving'
import type { Repositories } from '#source'
import type { Blobs, Duckdb, Outbox } from '#storage'
import type { EvaluationDatasets, Scorers, Traces } from '#traces'
import type { ArtifactSweep, Artifacts, Purge, StorageKeeper, Tracking, Uploads } from '#tracking'
import type { Tuning } from '#tuning'
import type { Workflow } from '#workflow'
import type { MountImports } from './imports.ts'
import type { OpenLineageFeed } from './openlineage.ts'
import type { StorageUse } from './storage-use.ts'

/** All components of the platform, made and tied together, nothing running yet. */
export interface Composition {
  readonly access: Access
  readonly checkpoints: Checkpoints
  readonly artifacts: Artifacts
  readonly artifactSweep: ArtifactSweep
  readonly assurance: Assurance
  readonly blobs: Blobs
  readonly blobUploads: BlobUploads
  readonly courier: Courier
  readonly data: Data
  readonly datasets: EvaluationDatasets
  readonly delivery: Delivery
  readonly duckdb: Duckdb
  readonly executor: LocalExecutor
  readonly remotes: Remotes
  readonly features: Features
  /** Whether there is a project of this name, with a project file or begun without one. */
  isProject(name: string): Promise<boolean>
  readonly ledger: Ledger
  readonly monitoring: Monitoring
  readonly mountImports: MountImports
  readonly notifications: Notifications
  readonly onnx: Onnx
  readonly openLineage: { readonly intake: OpenLineageIntake; readonly feed: OpenLineageFeed; stop(): void }
  readonly outbox: Outbox
  readonly projects: Projects
  readonly registeredModels: RegisteredModels
  readonly registeredVersions: RegisteredVersions
  readonly registry: Registry
  readonly repositories: Repositories
  readonly scorers: Scorers
  readonly secrets: Secrets
  readonly serving: Serving
  readonly storageKeeper: StorageKeeper
  readonly storageUse: StorageUse
  readonly webhooks: Webhooks
  readonly traces: Traces
  readonly tracking: Tracking
  /** Ends what lies in the trash of tracking. */
  readonly trash: Purge
  readonly tuning: Tuning
  readonly uploads: Uploads
  readonly workflow: Workflow
}
