import { join, resolve } from 'node:path'
import {
  createAssurance,
  createScanner,
  openSigningKey,
  reproductionHandlers,
  sqlAssuranceStore,
  type Assurance,
} from '#assurance'
import { readExecutors } from '#compute'
import { createData, dataTasks, sqlDataStore } from '#data'
import { createFeatures, featureTasks, sqlFeatureStore } from '#features'
import type { Clock } from '#kernel/clock.ts'
import { createLedger, sqlLedgerStore } from '#metadata'
import { createMonitoring, provideMonitoring, sqlMonitoringStores, subscribeMonitoring } from '#monitoring'
import { createProjects, sqlBlobUploads, sqlProjectStore } from '#project'
import {
  createOnnx,
  createProductionRule,
  createRegisteredModels,
  createRegisteredVersions,
  createRegistry,
  registryTasks,
  sqlModelStore,
} from '#registry'
import { servingTasks } from '#serving'
import { createRepositories, sqlRepositoryStore } from '#source'
import { createDuckdb, createOutbox, fsBlobs, sqlUsage, type Db } from '#storage'
import { createTracking, sqlTrackingStores } from '#tracking'
import { createTuning, sqlTuningStore, tuningTasks, type Tuning } from '#tuning'
import { knownMachines } from '#workflow'
import { peopleUrl } from './addresses.ts'
import { composeArtifacts, composeTrash } from './artifacts.ts'
import { composeOpenLineage } from './openlineage-parts.ts'
import { composeImports } from './imports.ts'
import { composeDelivery, composeModels, composeServing } from './models.ts'
import { composeRunner } from './runner.ts'
import { composeNotifications } from './notifications.ts'
import { composeSealed } from './sealed.ts'
import { composeTraces } from './traces.ts'
import { closeLoop } from '../loop.ts'
import { recordRevision } from './record-revision.ts'
import { roomOf } from './room.ts'
import { storageMeter } from './storage-meter.ts'
import { createStorageUse } from './storage-use.ts'
import { versionOrigin } from './version-origin.ts'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'

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
  parts: Pick<Composition, 'blobs' | 'ledger' | 'outbox' | 'projects' | 'registry' | 'tracking' | 'workflow'> & {
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
  const room = { ...roomOf(config), machines: () => knownMachines(db) }
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
  const repositories = createRepositories({
    ...common,
    store: sqlRepositoryStore(db),
    folder: join(dataFolder, 'repositories'),
    baseUrl: peopleUrl(surroundings),
    path: env['PATH'] ?? '',
  })
  const isProject = async (name: string): Promise<boolean> =>
    (await projects.find(name)) !== undefined || (await repositories.has(name))
  const tracking = createTracking({ ...common, stores: sqlTrackingStores(db), isProject })
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
    repositories,
    isProject,
  }
}
