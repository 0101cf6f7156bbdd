import { join, resolve } from 'node:path'
import { accessMigrations, type Access } from '#access'
import {
  assuranceMigrations,
  createAssurance,
  createScanner,
  openSigningKey,
  reproductionHandlers,
  sqlAssuranceStore,
  type Assurance,
} from '#assurance'
import { computeMigrations, readExecutors, type LocalExecutor, type Remotes } from '#compute'
import { createData, dataMigrations, dataTasks, sqlDataStore, type Data } from '#data'
import { deliveryMigrations, type Delivery } from '#delivery'
import {
  createFeatures,
  featureMigrations,
  featureTasks,
  sqlFeatureStore,
  type Features,
  type OnlineStore,
} from '#features'
import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import { createLedger, metadataMigrations, sqlLedgerStore, type Ledger, type OpenLineageIntake } from '#metadata'
import {
  createMonitoring,
  monitoringMigrations,
  provideMonitoring,
  sqlMonitoringStores,
  subscribeMonitoring,
  type Monitoring,
} from '#monitoring'
import { notificationMigrations, type Notifications } from '#notifications'
import { outboundMigrations, type Courier } from '#outbound'
import {
  createProjects,
  projectMigrations,
  sqlBlobUploads,
  sqlProjectStore,
  type BlobUploads,
  type Projects,
} from '#project'
import {
  createOnnx,
  createProductionRule,
  createRegisteredModels,
  createRegisteredVersions,
  createRegistry,
  registryMigrations,
  registryTasks,
  sqlModelStore,
  webhookMigrations,
  type Onnx,
  type RegisteredModels,
  type RegisteredVersions,
  type Registry,
  type Webhooks,
} from '#registry'
import { secretMigrations, type Secrets } from '#secrets'
import { servingMigrations, servingTasks, type Serving } from '#serving'
import { createRepositories, sourceMigrations, sqlRepositoryStore, type Repositories } from '#source'
import {
  createDuckdb,
  createOutbox,
  fsBlobs,
  outboxMigrations,
  sqlUsage,
  usageMigrations,
  type Blobs,
  type Db,
  type WakeUps,
  type Duckdb,
  type Migration,
  type Outbox,
} from '#storage'
import {
  artifactMigrations,
  createTracking,
  loggedModelMigrations,
  sqlTrackingStores,
  trackingMigrations,
  type Artifacts,
  type ArtifactSweep,
  type StorageKeeper,
  type Purge,
  type Tracking,
  type Uploads,
} from '#tracking'
import { traceMigrations, type EvaluationDatasets, type Scorers, type Traces } from '#traces'
import { createTuning, sqlTuningStore, tuningMigrations, tuningTasks, type Tuning } from '#tuning'
import { workflowMigrations, type Workflow } from '#workflow'
import { peopleUrl } from './addresses.ts'
import { composeArtifacts, composeTrash } from './artifacts.ts'
import { composeOpenLineage } from './openlineage-parts.ts'
import { composeImports, type MountImports } from './imports.ts'
import { composeDelivery, composeModels, composeServing } from './models.ts'
import { composeRunner } from './runner.ts'
import { composeNotifications } from './notifications.ts'
import { composeSealed } from './sealed.ts'
import { composeTraces } from './traces.ts'
import { closeLoop } from '../loop.ts'
import type { OpenLineageFeed } from './openlineage.ts'
import { recordRevision } from './record-revision.ts'
import { roomOf } from './room.ts'
import { storageMeter } from './storage-meter.ts'
import { createStorageUse, type StorageUse } from './storage-use.ts'
import { versionOrigin } from './version-origin.ts'

/** The steps of all components, in the order of the components: a table may refer to those of the lines above it. */
export const migrations: readonly Migration[] = [
  outboxMigrations,
  usageMigrations,
  outboundMigrations,
  accessMigrations,
  secretMigrations,
  projectMigrations,
  metadataMigrations,
  trackingMigrations,
  artifactMigrations,
  loggedModelMigrations,
  traceMigrations,
  sourceMigrations,
  workflowMigrations,
  computeMigrations,
  tuningMigrations,
  dataMigrations,
  featureMigrations,
  registryMigrations,
  webhookMigrations,
  assuranceMigrations,
  servingMigrations,
  monitoringMigrations,
  deliveryMigrations,
  notificationMigrations,
].flat()

export interface Surroundings {
  readonly config: Config
  readonly db: Db
  readonly online: OnlineStore
  readonly onlineUrl: string
  readonly clock: Clock
  /** Between the servers of one database. */
  readonly wakeUps?: WakeUps
  /** Names this server and its successors on the same data folder. */
  readonly owner: string
  readonly version: string
  /** What tools that build environments are given: proxies, caches, certificates. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where this server is reached; known once it listens. */
  baseUrl(): string
  warn(facts: object, message: string): void
}

/** All components of the platform, made and tied together, nothing running yet. */
export interface Composition {
  readonly access: Access
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

export function compose(surroundings: Surroundings): Composition {
  const { db } = surroundings
  const engine = composeEngine(surroundings)
  const { outbox, projects, workflow } = engine

  const dataParts = { ...engine, store: sqlDataStore(db) }
  const data = createData(dataParts)
  const featureParts = { ...engine, store: sqlFeatureStore(db), online: surroundings.online, data }
  const features = createFeatures(featureParts)
  const modelParts = { ...engine, store: sqlModelStore(db), production: createProductionRule(projects) }
  const registry = createRegistry(modelParts)
  const registeredModels = createRegisteredModels(modelParts)
  const registeredVersions = createRegisteredVersions({
    ...modelParts,
    owners: {
      run: id => engine.tracking.runs.get(id),
      loggedModel: id => engine.tracking.loggedModels.get(id),
      tree: path => engine.artifacts.tree(path),
    },
    place: registeredModels.place,
  })
  const assurance = composeAssurance(surroundings, { ...engine, registry })
  modelParts.production.guard(version => assurance.guard(version))
  const models = composeModels(surroundings, engine)
  const serving = composeServing(surroundings, { ...engine, ...models })
  const upstream = {
    ...engine,
    assurance,
    features,
    registeredModels,
    registeredVersions,
    registry,
    serving,
    ...models,
  }
  const store = sqlMonitoringStores(db)
  const monitoring = createMonitoring({ ...upstream, store })
  const { outcomes } = monitoring
  const delivery = composeDelivery(surroundings, { ...upstream, outcomes, truths: store.truths.truths })

  const notifications = composeNotifications(surroundings, engine)

  const tasks = [
    dataTasks(dataParts),
    featureTasks(featureParts),
    registryTasks({ ...modelParts, registry }),
    reproductionHandlers({ ...engine, registry }),
    servingTasks(upstream),
    delivery.tasks,
  ]
  for (const owned of tasks) for (const [name, handler] of Object.entries(owned)) workflow.provide(name, handler)
  workflow.useSnapshot(delivery.snapshot)
  provideMonitoring(workflow, monitoring)
  subscribeMonitoring(outbox, monitoring)
  for (const [name, { handlers }] of Object.entries({ assurance, delivery, notifications, webhooks: engine.webhooks }))
    outbox.subscribe(name, handlers)
  outbox.subscribe('storage', storageMeter({ ...engine, data }))
  closeLoop({ assurance, outbox, projects, workflow, registry, monitoring })
  return {
    ...upstream,
    data,
    delivery,
    monitoring,
    notifications,
    tuning: composeTuning(engine),
    mountImports: composeImports({ ...upstream, db, clock: surroundings.clock }),
    blobUploads: sqlBlobUploads(db, surroundings.clock),
    openLineage: composeOpenLineage(surroundings, engine),
    storageUse: createStorageUse({ ...upstream, environments: engine.executor.environments }),
  }
}

function composeTuning(engine: ReturnType<typeof composeEngine>): Tuning {
  const tuning = createTuning({ ...engine, store: sqlTuningStore(engine.db) })
  engine.outbox.subscribe('tuning', tuning.handlers)
  for (const [name, handler] of Object.entries(tuningTasks({ ...engine, tuning })))
    engine.workflow.provide(name, handler)
  return tuning
}

function composeAssurance(
  { config }: Surroundings,
  parts: Pick<Composition, 'blobs' | 'ledger' | 'outbox' | 'projects' | 'registry' | 'workflow'> & {
    db: Db
    clock: Clock
  },
): Assurance {
  const key = config.signingKey || join(config.data, 'keys', 'models.pem')
  let opened: ReturnType<typeof openSigningKey> | undefined
  return createAssurance({
    ...parts,
    store: sqlAssuranceStore(parts.db),
    scanner: createScanner(parts),
    signingKey: () => (opened ??= openSigningKey(key)),
    ...versionOrigin(parts),
  })
}

/** What every component stands on: storage, the ledger, what is declared, and the engine that runs it. */
function composeEngine(surroundings: Surroundings) {
  const { config, db, clock, wakeUps, env, owner, warn } = surroundings
  const dataFolder = config.data
  const blobFolder = config.blobs.replace(/^file:/, '') || join(dataFolder, 'blobs')
  const blobs = fsBlobs(blobFolder)
  const outbox = createOutbox({ db, clock, owner, warn, ...(wakeUps && { wakeUps }) })
  const ledger = createLedger({ clock, store: sqlLedgerStore(db) })
  const { specs: executorSpecs, at: executors } = readExecutors(config.executors, config.executor, env['PATH'])
  const room = roomOf(config)
  const sealed = composeSealed(surroundings, outbox)
  const projects = createProjects({
    ...sealed,
    executors,
    room,
    outbox,
    blobs,
    clock,
    store: sqlProjectStore(db),
    record: recordRevision(ledger),
  })
  const common = {
    ...sealed,
    ...(wakeUps && { wakeUps }),
    room,
    db,
    clock,
    blobs,
    outbox,
    ledger,
    projects,
    dataFolder,
    blobFolder,
    workFolder: join(dataFolder, 'work'),
    logFolder: resolve(config.logs || join(dataFolder, 'logs')),
    owner,
    warn,
  }
  const tracking = createTracking({
    ...common,
    stores: sqlTrackingStores(db),
    isProject: async name => (await projects.find(name)) !== undefined,
  })
  const runner = composeRunner(surroundings, { ...common, blobFolder: resolve(blobFolder), executorSpecs, tracking })
  const files = composeArtifacts(surroundings, { blobs, folder: blobFolder })
  const traces = composeTraces({ db, clock, artifacts: files.artifacts, tracking })
  return {
    ...common,
    usage: sqlUsage(db),
    ...files,
    ...traces,
    ...composeTrash(surroundings, { ledger, files, traces: traces.traces }),
    ...runner,
    duckdb: createDuckdb(),
    onnx: createOnnx(),
    tracking,
    repositories: createRepositories({
      ...common,
      store: sqlRepositoryStore(db),
      folder: join(dataFolder, 'repositories'),
      baseUrl: peopleUrl(surroundings),
      path: env['PATH'] ?? '',
    }),
  }
}
