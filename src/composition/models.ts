import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { createIsolation, isolationKind, lockRequirements } from '#compute'
import { createDelivery, sqlDeliveryStore, type Delivery, type DeliveryParts } from '#delivery'
import { Digest as DigestWire } from '#kernel/wire.ts'
import { durationMs } from '#kernel/duration.ts'
import {
  convertModel,
  createServing,
  probeModel,
  rehearse,
  servedFolder,
  sqlServingStore,
  usualProcesses,
  type Interpreters,
  type Serving,
  type ServingParts,
  type WorkerSettings,
} from '#serving'
import type { Composition } from './composition.ts'
import type { Surroundings } from './surroundings.ts'
import { dataBehind } from './version-origin.ts'
import { composeInterpreters } from './interpreters.ts'

/** How models in Python are run, by the model server and before they get there. */
interface Models {
  readonly interpreters: Interpreters
  readonly workers: WorkerSettings
}

/** What runs models in Python, wherever they are run: a Python for each, and what keeps it from the rest. */
export function composeModels(
  { config, env }: Surroundings,
  {
    executor,
    ...folders
  }: Pick<Composition, 'executor'> & { dataFolder: string; logFolder: string; blobFolder: string },
): Models {
  return {
    interpreters: composeInterpreters({ executor, python: config.python, path: env['PATH'] }),
    workers: {
      isolation: config.servingIsolation,
      hidden: [folders.dataFolder, folders.logFolder, folders.blobFolder].map(folder => resolve(folder)),
      memoryBytes: config.servingWorkerMemoryMb * 1024 * 1024,
    },
  }
}

/** What of delivery is made here. */
type OfModels = 'store' | 'rehearse' | 'lockRequirements' | 'probe' | 'convert' | 'conversions' | 'dataBehind'

export function composeDelivery(
  { config, db, env, version }: Surroundings,
  parts: Omit<DeliveryParts, OfModels> & Models & Pick<Composition, 'ledger' | 'onnx'> & { dataFolder: string },
): Delivery {
  const { blobs, interpreters, workers, ledger, onnx, dataFolder } = parts
  const kind = isolationKind(config)
  const isolation = createIsolation({ kind, path: env['PATH'], hidden: workers.hidden, readable: [] })
  return createDelivery({
    ...parts,
    store: sqlDeliveryStore(db),
    rehearse: (bundle, _, { cost, ...programme }) =>
      rehearse({
        blobs,
        interpreters,
        workers,
        bundle,
        version,
        programme: { ...programme, cost: cost && { ...cost, champion: servedFolder(dataFolder, cost.champion) } },
      }),
    lockRequirements: order => lockRequirements({ python: config.python, env, isolation }, order),
    probe: request => probeModel({ blobs, interpreters, workers }, request),
    convert: request => convertModel({ blobs, interpreters, workers, onnx }, request),
    conversions: config.servingConversion,
    dataBehind: async ({ id }) =>
      dataBehind(await ledger.ancestors(id)).flatMap(({ facts }) => DigestWire.safeParse(facts['digest']).data ?? []),
  })
}

/** What of serving the settings say, and what is its alone. */
type OfSettings =
  | 'store'
  | 'keys'
  | 'host'
  | 'port'
  | 'publicUrl'
  | 'online'
  | 'webhookTargets'
  | 'doors'
  | 'times'
  | 'telling'
  | 'memory'
  | 'version'
  | 'processes'
  | 'retentionMs'

/** What this process and its children may hold: the machine's memory, or what the container has of it. */
const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity)

export function composeServing(
  { config, onlineUrl, version }: Surroundings,
  parts: Omit<ServingParts, OfSettings> & Pick<Composition, 'access'>,
): Serving {
  const serving = createServing({
    ...parts,
    store: sqlServingStore(parts.db),
    keys: parts.access.keys,
    host: config.host,
    port: config.servingPort,
    publicUrl: config.servingUrl.replace(/\/$/, ''),
    online: onlineUrl,
    webhookTargets: config.webhookTargets,
    doors: {
      deployment: config.servingDeployment,
      predict: config.servingPredictRoute,
      health: config.servingHealthRoute,
      prefix: config.servingPrefix,
      isOpen: config.servingTokens === 'none',
      grpcPort: config.servingGrpcPort === '' ? null : config.servingGrpcPort,
    },
    times: { deadlineMs: durationMs(config.servingDeadline), drainMs: durationMs(config.servingDrain) },
    telling: {
      accessLog: config.servingAccessLog,
      otlpUrl: config.otlpUrl,
      traceShare: config.servingTraceShare,
    },
    memory: { budgetBytes: config.servingMemoryMb * 1024 * 1024, idleMs: durationMs(config.servingIdle) },
    version,
    processes: config.servingProcesses || usualProcesses({ cores: availableParallelism(), memoryBytes: memoryBytes() }),
    retentionMs: durationMs(config.predictionRetention),
  })
  parts.access.onChange(serving.keysChanged)
  return serving
}
