import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isLoopback } from '#http/origin.ts'
import { isRunning, thisProcess } from '../process-ticks.ts'
import { keysFile } from '../keys-file.ts'
import { deferralsFile } from '../deferrals-file.ts'
import { CanariesFile, canariesFile } from '../canaries-file.ts'
import { queuesFile } from '../queues-file.ts'
import { ServerSettings, settingsDigest, settingsFile } from '../server-settings.ts'
import {
  accessLogFile,
  bundlesFolder,
  logFolder,
  readJsonFile,
  redactionKeyFile,
  replaceFile,
  routesFile,
  ServerFile,
  serverFile,
} from '../routes-file.ts'
import { askDeployment } from './ask-deployment.ts'
import { createDeferrals } from './deferrals.ts'
import { watchBusy } from './busy.ts'
import { createDoor } from './door.ts'
import type { GraphParts } from './graph.ts'
import { startForwarder, type ForwarderParts } from './forwarder.ts'
import { createHandler } from './handler.ts'
import { listenHttp } from './listen.ts'
import { openGrpc } from './grpc/open-grpc.ts'
import { handOver, inheritedSockets, sayServing } from './handover.ts'
import { joinFamily, leadFamily, siblingMark, type Answers } from './family.ts'
import { createKeyRing } from './key-ring.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createModelMemory } from './model-memory.ts'
import { openOnlineFeatures } from './online.ts'
import { createOnnxScale } from './onnx-scale.ts'
import { threadsRest } from './onnx-thread.ts'
import { openPredictionLog } from './prediction-log.ts'
import { isHealth } from './pages.ts'
import { createPredictor } from './predictor.ts'
import { createQueues } from './queues.ts'
import { createRateLimit } from './rate-limit.ts'
import { createRecentRequests, isNoteworthy } from './recent-requests.ts'
import { openRedaction } from './redaction.ts'
import { createRouteTable, type LiveDeployment } from './route-table.ts'
import { createShadows } from './shadows.ts'
import { createStatistics } from './statistics.ts'
import { openTeller } from './teller.ts'
import { unloadedFile } from './switched-off.ts'
import type { Witness } from './visit.ts'
import { wholeServer } from './whole-server.ts'

/**
 * The model server: a process of its own that answers predictions whether the control plane runs or not. It reads
 * routes.json and the bundles in its folder, and writes the prediction log and server.json there. Where it has several
 * processes, all of them run this page; the first one speaks for them.
 */

const pollMs = 1_000
const drainMsMax = 30_000
/** For what computes though nobody waits for it any more. */
const leaveMsMax = 1_000
const newSecret = (): string => randomBytes(32).toString('base64url')

let isReady = false
let isDraining = false
let isSucceeding = false
const folder = process.argv[2] ?? ''
const isFirst = process.argv[3] !== siblingMark
const settings = ServerSettings.parse(JSON.parse(await readFile(settingsFile(folder), 'utf8')))
const { host, port, doors, times, telling } = settings
const owner = thisProcess()
const { budgetBytes, idleMs } = settings.memory
const memory = createModelMemory({ budgetBytes: Math.floor(budgetBytes / settings.processes), idleMs })
// A graph asks when there is everything to ask with.
const graphs: GraphParts = {
  ask: request => askDeployment(inferring, request),
  observe: node => metrics.observeNode(node),
  random: Math.random,
}
const { workers } = settings
const scale = createOnnxScale(workers, bundlesFolder(folder))
const table = createRouteTable(folder, { workers, scale, memory, graphs })
const answers: Answers = {
  metrics: () => metrics.read(),
  statistics: () => statistics.read(table.deployments()),
  status: () => table.status(),
  queues: () => queues.status(),
  recent: () => recent.read(),
  rotate: async () => log?.rotate(),
  reload,
}
const family = isFirst
  ? leadFamily({ folder, size: settings.processes, rates: createRateLimit(), secret: newSecret() }, answers)
  : joinFamily(answers, leaveMs => void stop(leaveMs))
const secret = await family.secret()
const keys = createKeyRing(folder, { isOpen: isLoopback(host), isGuarded: doors.isOpen, secret })
const log = settings.isLogged ? openPredictionLog(logFolder(folder), owner) : undefined
await openRedaction(redactionKeyFile(folder))
const online = settings.online === '' ? undefined : openOnlineFeatures(settings.online)

const forwarder = isFirst && settings.forwarding ? startForwarder(forwarding(settings.forwarding)) : undefined
const statistics = createStatistics()
const shadows = createShadows(log)
const metrics: Metrics = createMetrics(
  () => table.deployments(),
  () => queues.status(),
  {
    memory: memory.tally,
    forwarded: forwarder?.tally,
    readings: () => statistics.readings(table.deployments()),
    busy: watchBusy(),
    shadows,
    canaries: async () => (await readJsonFile(canariesFile(folder), CanariesFile))?.canaries ?? [],
  },
)
const door = createDoor({ isLocal: isLoopback(host), keys, metrics, isHealth: path => isHealth(doors, path) })
const { deadlineMs } = times
const inferring = { table, log, online, shadows }
const predict = createPredictor({ ...inferring, metrics, statistics, rates: family.rates, deadlineMs })
const queues = createQueues({ folder, predict, metrics })
const deferrals = createDeferrals({ folder, owner, isFirst, prefix: doors.prefix, table, metrics })
const parts = {
  deferrals,
  table: { ...table, load: changed(table.load), unload: changed(table.unload) },
  predict,
  log,
  metrics,
  rates: family.rates,
  whole: wholeServer(family, isFirst ? process.pid : process.ppid),
  version: settings.version,
  routes: doors,
  isDraining: () => isDraining,
}
const handler = createHandler(parts)
const recent = createRecentRequests()
const teller = await openTeller(telling, { file: accessLogFile(folder), version: settings.version, isKept: isFirst })
const witness: Witness = {
  wants: teller ? () => true : isNoteworthy,
  tell(visit) {
    recent.tell(visit)
    teller?.tell(visit)
  },
}

// Before anybody learns the pid: without a listener this signal ends a process.
process.on('SIGHUP', () => void family.all('reload'))
await reload()
const inherited = await inheritedSockets()
const http = await listenHttp(
  { door, handler, prefix: doors.prefix, metrics, witness },
  inherited?.http?.socket ?? { host, port },
)
inherited?.http?.handOn(http.socket)
const former = await readJsonFile(serverFile(folder), ServerFile)
const grpc = await openGrpc(
  { door, parts, witness },
  { host, port: doors.grpcPort, kept: former?.grpcPort, inherited: inherited?.grpc },
)
const starting = family.start({ http: http.socket, grpc: grpc?.socket })
// Who follows another has as many processes at once as that had.
if (inherited) await starting
if (isFirst) await tellWhere()
sayServing()
await queues.open()
deferrals.open(handler)
// From here on requests are answered; loading the feature store's code takes a third of a second more.
online?.open()

let seen = await modified()
const poll = setInterval(() => void look(), pollMs)
isReady = true

function forwarding({ url, bytesMax }: NonNullable<typeof settings.forwarding>): ForwarderParts {
  const token = process.env['TRAINYARD_TELEMETRY_TOKEN'] // oxlint-disable-line node/no-process-env -- the cluster gives it so
  const warn = (sentence: string): void => void process.stderr.write(`${sentence}\n`)
  return { folder: logFolder(folder), intake: { url, ...(token && { token }) }, bytesMax, warn }
}

/** Names this process as the server, and says where it answers. */
function tellWhere(): Promise<void> {
  return replaceFile(
    serverFile(folder),
    JSON.stringify({
      ...owner,
      host,
      port: http.port,
      ...(grpc && { grpcPort: grpc.port }),
      startedAt: Date.now(),
      settings: settingsDigest(settings),
      secret,
    }),
    0o600,
  )
}

/** A signal may be lost, the files are not: who is no longer named as the server has been replaced. */
async function look(): Promise<void> {
  if (isFirst && settings.until && !isRunning(settings.until)) return stop()
  const named = await readJsonFile(serverFile(folder), ServerFile)
  if (isFirst && named && named.pid !== process.pid && isRunning(named)) return stop()
  const now = await modified()
  if (now === seen) return
  seen = now
  await reload()
}

async function modified(): Promise<string> {
  const files = [routesFile, keysFile, queuesFile, deferralsFile, unloadedFile].map(file => file(folder))
  const found = await Promise.all(files.map(path => stat(path).catch(() => undefined)))
  return found.map(file => `${file?.ino} ${file?.mtimeMs}`).join()
}

async function reload(): Promise<void> {
  // Keys first: loading models takes its time.
  await keys.reload()
  await deferrals.reload()
  await table.reload()
  await queues.reload()
}

/** What changes the models of this process is heard of by the others at once. */
function changed(change: (deployment: LiveDeployment) => Promise<void>): typeof change {
  return async deployment => {
    await change(deployment)
    await family.all('reload')
  }
}

/** Answers what has begun and ends; `leaveMs` is how long it still takes connections while it says that it is not ready. */
async function stop(leaveMs = 0): Promise<void> {
  // There is nothing to bring to an end yet.
  if (!isReady) process.exit(0)
  if (isDraining) return
  isDraining = true
  clearInterval(poll)
  const others = family.stop(leaveMs)
  await new Promise(resolve => setTimeout(resolve, leaveMs))
  const deadline = setTimeout(() => void leave(1), drainMsMax).unref()
  await Promise.all([http.drain(), grpc?.drain(), queues.stop(), deferrals.stop(), others])
  shadows.flush()
  await Promise.all([log?.rotate(), teller?.close()])
  await forwarder?.stop()
  clearTimeout(deadline)
  await leave(0)
}

/** Ends this process; not in the middle of a run of a thread, unless that does not end. */
async function leave(code: number): Promise<void> {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), leaveMsMax)
  await threadsRest()
  process.exit(code)
}

async function succeed(): Promise<void> {
  if (isDraining || isSucceeding) return
  isSucceeding = true
  try {
    await handOver(folder, { http: http.socket, grpc: grpc?.socket })
    await stop()
  } catch (error) {
    process.stderr.write(`The successor did not take over: ${String(error)}\n`)
  } finally {
    isSucceeding = false
  }
}

if (isFirst) process.on('SIGUSR2', () => void succeed())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(times.drainMs))
