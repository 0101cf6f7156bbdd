import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import { accessRoutes, guard, roleIn } from '#access'
import { assuranceRoutes } from '#assurance'
import { attemptRoutes, environmentRoutes, isolationRemedy } from '#compute'
import { dataRoutes } from '#data'
import { deliveryRoutes } from '#delivery'
import { featureRoutes, openOnlineStore } from '#features'
import { createApp, eventRoutes, pageRoutes, type App } from '#http'
import { durationMs } from '#kernel/duration.ts'
import type { Config } from '#kernel/config.ts'
import { metadataRoutes, openLineageRoutes } from '#metadata'
import { mlflowCalls, mlflowRoutes, mlflowStreams } from '#mlflow'
import { monitoringRoutes } from '#monitoring'
import { notificationRoutes } from '#notifications'
import { blobRoutes, projectRoutes } from '#project'
import { modelRoutes, registryRoutes, webhookRoutes } from '#registry'
import { secretRoutes } from '#secrets'
import { servingRoutes } from '#serving'
import { sourceRoutes } from '#source'
import { databaseClock, migrate, openDatabase, openWakeUps } from '#storage'
import { artifactRoutes, experimentRoutes, runRoutes, trashRoutes } from '#tracking'
import { traceRoutes } from '#traces'
import { tuningRoutes } from '#tuning'
import { workflowRoutes } from '#workflow'
import { version } from './cli/version.ts'
import { beginWithImports, begunProjects } from './composition/begun-projects.ts'
import { blobReach } from './composition/blob-reach.ts'
import type { Composition } from './composition/composition.ts'
import { compose } from './composition/compose.ts'
import { migrations } from './composition/migrations.ts'
import { healthRoutes } from './composition/health.ts'
import { requireKnownNames } from './composition/known-names.ts'
import { openLineageFeedRoutes } from './composition/openlineage.ts'
import { overviewRoutes } from './composition/overview.ts'
import { builtAt } from '#kernel/place.ts'
import { refusedSetting } from './composition/refused-setting.ts'
import { reachOfRoutes } from './composition/route-reach.ts'
import { storageRoutes } from './composition/storage-routes.ts'
import { takeFolder } from './composition/take-folder.ts'

/** A running control plane. */
export interface Platform {
  readonly url: string
  /** Ends it and waits. The model server goes on answering, unless the configuration says otherwise. */
  stop(): Promise<void>
}

const pages = fileURLToPath(builtAt('web'))

/** The composition root: reads nothing but its configuration, and decides by which clock it lives. */
export async function startPlatform({
  config: given,
  env,
}: {
  config: Config
  env: Readonly<Record<string, string | undefined>>
}): Promise<Platform> {
  const config = { ...given, data: resolve(given.data) }
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const release = await takeFolder(config.data)
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const state = await openState(config)
  const { db, clock, wakeUps, online, onlineUrl } = state

  let url = ''
  const parts = compose({
    config,
    db,
    online,
    onlineUrl,
    env,
    clock,
    wakeUps,
    owner: await ownerOf(config.data),
    version,
    baseUrl: () => url,
    warn: (facts, message) => log.warn(facts, message),
  })
  await parts.secrets.sealPlain()
  // The model server boots while the routes are made, on another core; what it says is heard below.
  const booting = Promise.withResolvers<void>()
  const serving = parts.serving.start(booting.resolve)
  serving.then(booting.resolve, booting.resolve)
  await booting.promise
  const app = await createApp({
    logger: log as never,
    version,
    bodyTimeoutMs: durationMs(config.bodyTimeout),
  })
  await mountRoutes(app, { parts, config, warn: (facts, message) => log.warn(facts, message) })
  // What was kept small at start (cli/main.ts) may grow under load: a request of a thousand points is a megabyte that is
  // garbage a few milliseconds later, and collecting it in steps of a megabyte takes a third of the time. The old
  // generation is collected at half as much again as is in use, rather than at four times as much (benchmarks/fan-out.ts).
  setFlagsFromString('--semi-space-growth-factor=2')
  setFlagsFromString('--heap-growing-percent=50')
  const stop = async (): Promise<void> => {
    await rm(join(config.data, 'server.json'), { force: true })
    await app.close()
    await stopParts(parts, config)
    await state.close()
    await release()
  }
  try {
    url = await app
      .listen({ host: config.host, port: config.port })
      .catch(refusedSetting(config, ['host', 'port'], 'an address of this machine that is free'))
    await Promise.all([serving, parts.repositories.start(), parts.workflow.startScheduler()])
    begin(parts)
    await writeFile(join(config.data, 'server.json'), JSON.stringify({ url, pid: process.pid, version }))
  } catch (error) {
    // What has begun would keep the process alive.
    await stop()
    throw error
  }
  log.info({ url, data: config.data }, 'ready')
  void parts.executor.isolationObstacle().then(why => {
    if (why !== undefined) log.warn({ why, remedy: isolationRemedy }, 'tasks are not kept from this machine')
  })
  return { url, stop }
}

/** What goes on by itself from now on. */
function begin(parts: Composition): void {
  parts.outbox.start()
  parts.data.watch()
  parts.courier.start()
  parts.notifications.courier.start()
  parts.storageKeeper.start()
}

/** Each ends before what it works with. */
async function stopParts(parts: Composition, config: Config): Promise<void> {
  parts.openLineage.stop()
  await parts.outbox.stop()
  await parts.courier.stop()
  await parts.notifications.courier.stop()
  await parts.storageKeeper.stop()
  await parts.workflow.stop({ endTasks: config.tasksAtStop === 'end' })
  await parts.data.stop()
  await parts.repositories.stop()
  if (config.servingAtStop === 'end') await parts.serving.stopServing()
  await parts.serving.stop()
  parts.executor.stop()
  parts.duckdb.stop()
  parts.onnx.stop()
  parts.assurance.stop()
}

/** The databases, and the time that all who share them agree on. */
async function openState(config: Config) {
  const databaseUrl = config.database || `sqlite:${join(config.data, 'trainyard.db')}`
  const db = openDatabase(databaseUrl, { connectionsMax: config.databaseConnections })
  await migrate(db, migrations).catch(refusedSetting(config, ['database'], 'a database that answers'))
  const clock = await databaseClock(db, databaseUrl)
  const wakeUps = openWakeUps(databaseUrl)
  const onlineUrl = config.online || `sqlite:${join(config.data, 'online.db')}`
  const online = await openOnlineStore(onlineUrl)
  return {
    db,
    clock,
    wakeUps,
    online,
    onlineUrl,
    async close() {
      await online.close()
      await wakeUps.stop()
      clock.stop()
      await db.destroy()
    },
  }
}

/** Every route of the control plane, behind the guard. */
export async function mountRoutes(
  app: App,
  { parts, config, warn }: { parts: Composition; config: Config; warn: (facts: object, message: string) => void },
): Promise<void> {
  const { isProject } = parts
  guard(app, { access: parts.access, host: config.host, reachOf: reachOfRoutes(parts), isProject })
  requireKnownNames(app, parts)
  beginWithImports(app, parts)
  healthRoutes(app, { version })
  accessRoutes(app, parts.access)
  projectRoutes(app, { ...parts, uploads: parts.blobUploads, begun: () => begunProjects(parts) })
  blobRoutes(app, { ...parts, uploads: parts.blobUploads, reach: blobReach(parts) })
  secretRoutes(app, parts.secrets)
  sourceRoutes(app, parts.repositories, { warn })
  metadataRoutes(app, parts.ledger)
  openLineageRoutes(app, { ...parts.openLineage, isProject })
  openLineageFeedRoutes(app, { ...parts.openLineage, outbox: parts.outbox })
  workflowRoutes(app, parts.workflow, ({ caller }, project) => roleIn(caller, project))
  tuningRoutes(app, parts.tuning)
  attemptRoutes(app, parts.remotes.desk)
  environmentRoutes(app, {
    ...parts,
    environments: parts.executor.environments,
    retentionMs: durationMs(config.environmentRetention),
  })
  dataRoutes(app, parts.data)
  featureRoutes(app, parts.features)
  registryRoutes(app, parts)
  modelRoutes(app, parts)
  webhookRoutes(app, parts.webhooks)
  parts.mountImports(app)
  assuranceRoutes(app, parts)
  servingRoutes(app, parts.serving)
  monitoringRoutes(app, parts.monitoring)
  deliveryRoutes(app, parts.delivery)
  notificationRoutes(app, parts.notifications)
  overviewRoutes(app, parts)
  experimentRoutes(app, parts.tracking)
  runRoutes(app, parts.tracking)
  trashRoutes(app, parts)
  artifactRoutes(app, parts.artifactSweep)
  storageRoutes(app, parts.storageUse)
  traceRoutes(app, { traces: parts.traces, experiments: parts.tracking.experiments })
  mlflowRoutes(app, mlflowCalls(parts), mlflowStreams(parts))
  eventRoutes(app, parts.outbox)
  app.get('/openapi.json', { schema: { hide: true } as object }, async () => app.swagger())
  await pageRoutes(app, { folder: pages })
}

/** The name under which servers on this data folder hold leases: a new process takes back what its predecessor left. */
async function ownerOf(data: string): Promise<string> {
  const path = join(data, 'owner')
  const known = await readFile(path, 'utf8').catch(() => undefined)
  if (known) return known
  const owner = randomUUID()
  await writeFile(path, owner, { flush: true })
  return owner
}
