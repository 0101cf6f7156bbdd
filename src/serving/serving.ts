import { join } from 'node:path'
import { urlForOthers } from '#http'
import type { Millis } from '#kernel/clock.ts'
import { notFound, TrainyardError } from '#kernel/error.ts'
import { instantOf } from '#kernel/id.ts'
import type { Page } from '#kernel/page.ts'
import type { Ledger, Resolver } from '#metadata'
import type { Blobs, Duckdb } from '#storage'
import { ask, type Answer, type Question } from './ask.ts'
import { readManifest, type BundleManifest } from './bundle.ts'
import { clientSource, type ClientLanguage } from './client-source.ts'
import { removeOtherBundles } from './bundle-folder.ts'
import { clusterExports, type ClusterExports } from './cluster-export.ts'
import type { Deployment, DeploymentDetail, Prediction, Revision, ShadowComparison } from './deployment.ts'
import { declaredOf } from './declared.ts'
import { createCanaryKeeper } from './canary-keeper.ts'
import { createDeferralKeeper, type DeferralParts } from './deferral-keeper.ts'
import { embeddedPackage, type EmbeddedPackage, type PackageKind } from './embedded-package.ts'
import { graphsOf, type Graph } from './graphs.ts'
import {
  askedUrl,
  describeDeployments,
  guardDeployment,
  guardedCanary,
  shadowsOf,
  type DescribeParts,
  type GuardedCanary,
} from './describe.ts'
import { logUsage, readByIds, readPage, type LogReaderParts, type PredictionQuery } from './log-reader.ts'
import { createKeyKeeper, type KeyParts } from './key-keeper.ts'
import { createQueueKeeper, type QueueKeeper, type QueueParts } from './queue-keeper.ts'
import type { QueueStatus } from './wire.ts'
import { createLogKeeper, type LogKeeper } from './log-keeper.ts'
import { logDays, readDay, type LogDay } from './log-export.ts'
import { requestedOf } from './requested.ts'
import { bundleFolder, logFolder } from './routes-file.ts'
import type { RevisionRow } from './store.ts'
import { createSupervisor, type SupervisorOptions } from './supervisor.ts'
import { createTrafficControl, type Because, type DeployRequest, type TrafficParts } from './traffic-control.ts'

/** The paper's model serving component (C8): deployments, their traffic, and the log of every prediction. */
export interface Serving extends ClusterExports {
  /**
   * Gives a deployment a new revision: all requests when it is the first or `weight` is 100, else a canary beside the
   * live one. Returns when the model server answers with it. Throws `unavailable` when its bundle cannot be loaded;
   * nothing has changed then. Repeats answer the same revision.
   */
  deploy(request: DeployRequest): Promise<Revision>
  setTraffic(deployment: string, change: Because & { weights: Readonly<Record<string, number>> }): Promise<void>
  /** From a canary to the live revision, else to the one that was live before. Throws `conflict` when there is none. */
  rollback(deployment: string, because: Because): Promise<void>
  /**
   * Gives a revision without requests copies of so many percent of them, and compares; 0 ends that. Throws `not_found`, and
   * `conflict` for one that takes requests.
   */
  setShadow(deployment: string, change: Because & { revision: string; share: number }): Promise<void>
  /** Makes a revision the canary, with so many percent of the requests. */
  startCanary(deployment: string, change: Because & { revision: string; weight: number }): Promise<void>
  /** What the revisions of a deployment have answered as shadows. */
  shadows(deployment: string): Promise<readonly ShadowComparison[]>
  /** Ends a canary for good or ill. A repeat changes nothing. */
  finishCanary(deployment: string, end: Because & { revision: string; outcome: 'promote' | 'roll_back' }): Promise<void>
  /** What the canary has shown so far, and since when. Throws `conflict` when there is no canary. */
  guard(deployment: string): Promise<GuardedCanary>

  deployments(project: string): Promise<readonly Deployment[]>
  /** What the project file declares of graphs. */
  graphs(project: string): Promise<readonly Graph[]>
  /** Throws `not_found`. */
  deployment(name: string): Promise<DeploymentDetail>
  /**
   * The live revision of a deployment, or the one of this number, as a package for other programs. Throws `not_found`, and
   * `invalid` for one that cannot be embedded.
   */
  embedded(deployment: string, wanted: { kind: PackageKind; revision?: number | undefined }): Promise<EmbeddedPackage>
  /** The source of a client of a deployment, typed as its live revision takes and answers rows. Throws `not_found`. */
  clientSource(deployment: string, language: ClientLanguage): Promise<string>
  /** What becomes of the messages of a deployment's queues. Throws `not_found`. */
  queues(deployment: string): Promise<readonly QueueStatus[]>
  /** The project of a deployment; undefined when there is none. */
  projectOf(deployment: string): Promise<string | undefined>
  /** Asks a deployment about the rows of a table, as its clients do. Throws as `ask.ts` says. */
  ask(question: Question): Promise<readonly Answer[]>
  /** By event time, newest first. Throws `not_found`. */
  predictions(query: PredictionQuery): Promise<Page<Prediction>>
  /** A prediction, also one that was answered a moment ago. Throws `not_found`. */
  prediction(id: string): Promise<Prediction>
  /** Those of these predictions that are in the log, in no order. */
  predictionsById(ids: readonly string[]): Promise<readonly Prediction[]>
  /** The days that logged predictions are about. Throws `not_found`. */
  days(deployment: string): Promise<readonly LogDay[]>
  /** The predictions about one of them as Parquet. Throws `not_found`. */
  day(deployment: string, day: string): ReturnType<typeof readDay>
  /** What the log of each project has in files: some for each deployment, and one for each 50,000 predictions. */
  usage(): Promise<readonly { project: string; files: number; bytes: number }[]>
  /** Brings all that has been answered so far into the log. */
  collect(): Promise<void>

  /** A project file has been applied: requests to its deployments are taken as it says now. */
  follow(): Promise<void>
  /** A token, user or role has changed: what the model server knows of them follows, within a moment. */
  keysChanged(): void
  /** Where requests go. Throws `unavailable` before the start. */
  url(): string
  /**
   * Takes over the model server that runs, or starts one, and begins to collect. A new one boots by itself once `onSpawn`
   * has been called: it takes as long as the control plane does.
   */
  start(onSpawn?: () => void): Promise<void>
  /** Stops collecting and watching. The model server goes on: serving outlives the control plane. */
  stop(): Promise<void>
  /** Ends the model server, after it has answered what it has begun. */
  stopServing(): Promise<void>
  /** Replaces the process of the model server without losing a request. */
  restartServing(): Promise<void>
}

export interface ServingParts
  extends Omit<TrafficParts, 'supervisor' | 'folder' | 'ledger'>, Omit<SupervisorOptions, 'folder'> {
  readonly ledger: Pick<Ledger, 'record' | 'link' | 'provide'>
  readonly duckdb: Duckdb
  readonly secrets: QueueParts['secrets']
  /** Which addresses webhooks may have. */
  readonly webhookTargets: DeferralParts['webhookTargets']
  /** Who may ask the model server where that takes a token. */
  readonly keys: KeyParts['keys']
  /** The data folder of the platform: `serving/` and `predictions/` are made in it. */
  readonly dataFolder: string
  /** Where clients reach it, if that is elsewhere. */
  readonly publicUrl?: string
  /** How long predictions are kept, in milliseconds. */
  readonly retentionMs: number
}

const servingFolder = (dataFolder: string): string => join(dataFolder, 'serving')

/** Where the model server of a data folder has a bundle that it serves. */
export const servedFolder = (dataFolder: string, bundle: string): string =>
  bundleFolder(servingFolder(dataFolder), bundle)

/** A prediction this young may be in a segment that has not been collected. */
const uncollectedMsMax = 10 * 60_000

export function createServing(parts: ServingParts): Serving {
  const { store, dataFolder, ledger, clock } = parts
  const folder = servingFolder(dataFolder)
  const supervisor = createSupervisor({ ...parts, folder })
  const traffic = createTrafficControl({ ...parts, folder, supervisor })
  const keys = createKeyKeeper({ ...parts, folder }, supervisor)
  const queues = createQueueKeeper({ ...parts, folder }, supervisor)
  const refreshDeferrals = createDeferralKeeper({ ...parts, folder }, supervisor)
  const shownUrl = (url: string): string => parts.publicUrl || urlForOthers(url, parts.host)
  const describe = { store, projects: parts.projects, supervisor, clock, shownUrl }
  const canaries = createCanaryKeeper({ ...describe, folder })
  const reader = { ...parts, folder: join(dataFolder, 'predictions') }
  const log = createLogKeeper({ ...reader, segments: logFolder(folder), collected: canaries.refresh }, supervisor)
  ledger.provide(
    'prd',
    predictionResolver(predictionFinder(reader, log), async name => (await store.deployment(name))?.project ?? ''),
  )

  return {
    async deploy(request) {
      const revision = withoutShare(await traffic.deploy(request))
      // Of a deployment that is new, what it declares is heard of now.
      await queues.refresh()
      await refreshDeferrals()
      return revision
    },
    setTraffic: traffic.setTraffic,
    rollback: traffic.rollback,
    setShadow: traffic.setShadow,
    startCanary: traffic.startCanary,
    finishCanary: traffic.finishCanary,
    async follow() {
      await refreshDeferrals()
      await traffic.follow()
      await queues.refresh()
    },
    ask: question => ask(supervisor, question),
    ...integrations(parts, queues),
    ...descriptions(describe, parts.blobs),
    graphs: project => graphsOf({ projects: parts.projects, urlOf: name => askedUrl(describe, name) }, project),
    ...clusterExports(parts, traffic),
    ...logReads(reader, log),

    url() {
      const url = supervisor.url()
      if (url === undefined) throw new TrainyardError('unavailable', 'The model server has not been started.')
      return url
    },
    // What fails is told to the log, and tried again.
    keysChanged: () => void keys.refresh().catch(() => {}),
    async start(onSpawn) {
      await keys.start()
      await queues.refresh()
      await refreshDeferrals()
      await canaries.refresh((await store.deployments()).map(({ name }) => name))
      const routes = await traffic.routes()
      await removeOtherBundles(folder, routes)
      await supervisor.start(routes, onSpawn)
      log.start()
    },
    async stop() {
      await log.stop()
      await keys.stop()
      await supervisor.stop()
    },
    stopServing: supervisor.stopServer,
    restartServing: supervisor.replace,
  }
}

/** How other programs get at a deployment than by asking the model server. */
function integrations(
  { store, projects, blobs }: Pick<ServingParts, 'store' | 'projects' | 'blobs'>,
  keeper: Pick<QueueKeeper, 'status'>,
): Pick<Serving, 'embedded' | 'queues' | 'clientSource'> {
  const revisionOf = async (name: string, number?: number): Promise<RevisionRow> => {
    const revisions = await store.revisions([name])
    const found = revisions.find(each => (number === undefined ? each.state === 'live' : each.number === number))
    if (!found) throw notFound('revision', `${name}/${number ?? 'live'}`)
    return found
  }
  return {
    async clientSource(name, language) {
      const { number, bundle } = await revisionOf(name)
      const manifest = await readManifest(blobs, bundle)
      return clientSource({ language, deployment: name, revision: number, manifest })
    },
    async queues(name) {
      if (!(await store.deployment(name))) throw notFound('deployment', name)
      return keeper.status(name)
    },
    async embedded(name, { kind, revision: number }) {
      const row = await store.deployment(name)
      if (!row) throw notFound('deployment', name)
      const revision = await revisionOf(name, number)
      const { log } = (await declaredOf(projects, [row])).get(name)!
      return embeddedPackage(blobs, { kind, revision, log })
    },
  }
}

/** What deployments are like now. */
function descriptions(
  describe: DescribeParts,
  blobs: Blobs,
): Pick<Serving, 'guard' | 'shadows' | 'deployments' | 'deployment' | 'projectOf'> {
  const { store, clock } = describe
  return {
    guard: name => guardDeployment(describe, name),
    shadows: name => shadowsOf(store, name),
    deployments: async project => describeDeployments(describe, await store.deployments(project)),
    projectOf: async name => (await store.deployment(name))?.project,
    async deployment(name) {
      const row = await store.deployment(name)
      if (!row) throw notFound('deployment', name)
      const [described] = await describeDeployments(describe, [row])
      const live = described!.revisions.find(({ state }) => state === 'live')
      const since = (clock.now() - 3_600_000) as Millis
      const guard = await guardedCanary(describe, row)
      return {
        ...described!,
        traffic: [...(await store.traffic(name, 50))],
        shadows: [...(await shadowsOf(store, name))],
        ...(guard && { guard }),
        ...(live && { inputs: sentTo(await readManifest(blobs, live.bundle)) }),
        perMinute: [...(await store.perMinute(name, since))] as DeploymentDetail['perMinute'],
      }
    },
  }
}

/** What requests bring to a model. */
const sentTo = (manifest: BundleManifest): DeploymentDetail['inputs'] =>
  (requestedOf(manifest)?.told ?? manifest.signature).inputs

/** What there is to know of the log of predictions. */
function logReads(
  reader: Reader,
  log: Pick<LogKeeper, 'collect'>,
): Pick<Serving, 'predictions' | 'prediction' | 'predictionsById' | 'days' | 'day' | 'usage' | 'collect'> {
  const find = predictionFinder(reader, log)
  const requireDeployment = async (name: string): Promise<void> => {
    if (!(await reader.store.deployment(name))) throw notFound('deployment', name)
  }
  return {
    async predictions(query) {
      await requireDeployment(query.deployment)
      return readPage(reader, query)
    },
    async prediction(id) {
      const found = await find(id)
      if (!found) throw notFound('prediction', id)
      return found
    },
    predictionsById: ids => readByIds(reader, ids),
    async days(name) {
      await requireDeployment(name)
      return logDays(reader, name)
    },
    async day(name, day) {
      await requireDeployment(name)
      return readDay(reader, name, day)
    },
    usage: () => logUsage(reader),
    collect: log.collect,
  }
}

type Reader = LogReaderParts & Pick<ServingParts, 'clock'>
type Find = (id: string) => Promise<Prediction | undefined>

const predictionFinder =
  (reader: Reader, log: Pick<LogKeeper, 'collect'>): Find =>
  async id => {
    const [found] = await readByIds(reader, [id])
    if (found || (instantOf(id) ?? 0) < reader.clock.now() - uncollectedMsMax) return found
    await log.collect()
    return (await readByIds(reader, [id]))[0]
  }

/** Predictions are nodes of the ledger without a row: there may be millions. */
const predictionResolver =
  (find: Find, projectOf: (deployment: string) => Promise<string>): Resolver =>
  async id => {
    const found = await find(id)
    if (!found) return undefined
    const { deployment, revision, receivedAt, features, outputs, key, eventTime } = found
    const facts = { deployment, revision, features, outputs, eventTime, ...(key === undefined ? {} : { key }) }
    const node = {
      id,
      kind: 'prediction' as const,
      label: `prediction of ${deployment}`,
      project: await projectOf(deployment),
      at: receivedAt,
      facts,
    }
    return { node, edges: [{ from: id, to: revision, relation: 'answered_by' }] }
  }

function withoutShare({
  liveAt: _,
  errorStreak: __,
  ...revision
}: Awaited<ReturnType<ReturnType<typeof createTrafficControl>['deploy']>>): Revision {
  return revision
}
