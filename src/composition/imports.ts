import type { Clock } from '#kernel/clock.ts'
import type { App } from '#http'
import type { Ledger } from '#metadata'
import {
  createRegistryImports,
  registryImportRoutes,
  sqlModelStore,
  type RegisteredModels,
  type RegisteredVersions,
  type WebhookImports,
  webhookImportRoutes,
} from '#registry'
import type { Blobs, Db } from '#storage'
import {
  createImports,
  createImportSummaries,
  createModelImports,
  importRoutes,
  sqlLoggedModelStore,
  sqlTrackingStores,
  tallyPoints,
  type Artifacts,
  type Tracking,
} from '#tracking'
import {
  createEvaluationImports,
  createTraceImports,
  evaluationImportRoutes,
  sqlEvaluationStore,
  sqlTraceStore,
  traceImportRoutes,
} from '#traces'
import { blobExportRoutes } from './blob-export.ts'
import { createTableExport, tableExportRoutes } from './table-export.ts'

/** Mounts the routes by which ledgers of other systems are taken in, and this one is taken away. */
export type MountImports = (app: App) => void

export interface ImportSurroundings {
  readonly db: Db
  readonly clock: Clock
  readonly ledger: Ledger
  readonly blobs: Blobs
  readonly artifacts: Artifacts
  readonly tracking: Tracking
  readonly registeredModels: RegisteredModels
  readonly registeredVersions: RegisteredVersions
  readonly webhookImports: WebhookImports
}

export function composeImports({
  registeredModels,
  registeredVersions,
  webhookImports,
  ...parts
}: ImportSurroundings): MountImports {
  const { db, tracking, artifacts } = parts
  const stores = sqlTrackingStores(db)
  const loggedModels = sqlLoggedModelStore(db)
  const registryImports = createRegistryImports({
    ...parts,
    store: sqlModelStore(db),
    models: registeredModels,
    versions: registeredVersions,
    owners: { run: tracking.runs.get, loggedModel: tracking.loggedModels.get, tree: artifacts.tree },
  })
  const tracked = {
    imports: createImports({ ...parts, stores, log: tracking.log }),
    modelImports: createModelImports({ ...parts, ...stores, store: loggedModels }),
    summaries: createImportSummaries({
      documents: stores.documents,
      loggedModels,
      tallyPoints: run => tallyPoints(db, run),
    }),
    artifacts,
  }
  const traced = {
    imports: createTraceImports({ store: sqlTraceStore(db), experiments: tracking.experiments }),
    artifacts,
  }
  const evaluated = createEvaluationImports({ store: sqlEvaluationStore(db), experiments: tracking.experiments })
  return app => {
    importRoutes(app, tracked)
    traceImportRoutes(app, traced)
    evaluationImportRoutes(app, evaluated)
    registryImportRoutes(app, registryImports)
    webhookImportRoutes(app, webhookImports)
    tableExportRoutes(app, createTableExport(db))
    blobExportRoutes(app, parts.blobs)
  }
}
