import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isLoopback } from '#http/origin.ts'
import { isRunning, thisProcess } from '../process-ticks.ts'
import { keysFile } from '../keys-file.ts'
import { ServerSettings, settingsDigest, settingsFile } from '../server-settings.ts'
import {
  accessLogFile,
  logFolder,
  readJsonFile,
  redactionKeyFile,
  replaceFile,
  routesFile,
  ServerFile,
  serverFile,
} from '../routes-file.ts'
import { askDeployment } from './ask-deployment.ts'
import { createDoor } from './door.ts'
import type { GraphParts } from './graph.ts'
import { createHandler } from './handler.ts'
import { listenHttp } from './listen.ts'
import { openGrpc } from './grpc/open-grpc.ts'
import { handOver, inheritedSockets, sayServing } from './handover.ts'
import { createKeyRing } from './key-ring.ts'
import { createMetrics } from './metrics.ts'
import { createModelMemory } from './model-memory.ts'
import { openOnlineFeatures } from './online.ts'
import { openPredictionLog } from './prediction-log.ts'
import { isHealth } from './pages.ts'
import { createPredictor } from './predictor.ts'
import { createRateLimit } from './rate-limit.ts'
import { openRedaction } from './redaction.ts'
import { createRouteTable } from './route-table.ts'
import { createShadows } from './shadows.ts'
import { createStatistics } from './statistics.ts'
import { openTeller } from './teller.ts'
import { unloadedFile } from './switched-off.ts'

/**
 * The model server: a process of its own that answers predictions whether the control plane runs or not. It reads
 * routes.json and the bundles in its folder, and writes the prediction log and server.json there.
 */

const pollMs = 1_000
const drainMsMax = 30_000

const folder = process.argv[2] ?? ''
const settings = ServerSettings.parse(JSON.parse(await readFile(settingsFile(folder), 'utf8')))
const { host, port, doors, times, telling } = settings
const owner = thisProcess()
const memory = createModelMemory(settings.memory)
// A graph asks when there is everything to ask with.
const graphs: GraphParts = {
  ask: request => askDeployment(inferring, request),
  observe: node => metrics.observeNode(node),
  random: Math.random,
}
const table = createRouteTable(folder, { workers: settings.workers, memory, graphs })
const secret = randomBytes(32).toString('base64url')
const keys = createKeyRing(folder, { isOpen: isLoopback(host), isGuarded: doors.isOpen, secret })
const log = settings.isLogged
  ? openPredictionLog(logFolder(folder), owner)
  : { append: async () => {}, rotate: async () => {} }
await openRedaction(redactionKeyFile(folder))
const online = settings.online === '' ? undefined : openOnlineFeatures(settings.online)
let isDraining = false
let isSucceeding = false

const metrics = createMetrics(() => table.deployments(), memory.tally)
const door = createDoor({ isLocal: isLoopback(host), keys, metrics, isHealth: path => isHealth(doors, path) })
const statistics = createStatistics()
const { deadlineMs } = times
const shadows = createShadows(log)
const inferring = { table, log, online, shadows }
const predict = createPredictor({ ...inferring, metrics, statistics, rates: createRateLimit(), deadlineMs })
const parts = {
  table,
  predict,
  log,
  metrics,
  statistics,
  version: settings.version,
  routes: doors,
  isDraining: () => isDraining,
}
const handler = createHandler(parts)
const teller = await openTeller(telling, { file: accessLogFile(folder), version: settings.version })

// Before anybody learns the pid: without a listener this signal ends a process.
process.on('SIGHUP', () => void reload())
await reload()
const inherited = await inheritedSockets()
const http = await listenHttp({ door, handler, metrics, tell: teller?.tell }, inherited?.http?.socket ?? { host, port })
inherited?.http?.handOn(http.socket)
const former = await readJsonFile(serverFile(folder), ServerFile)
const grpc = await openGrpc(
  { door, parts, tell: teller?.tell },
  { host, port: doors.grpcPort, kept: former?.grpcPort, inherited: inherited?.grpc },
)
await replaceFile(
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
sayServing()
// From here on requests are answered; loading the feature store's code takes a third of a second more.
online?.open()

let seen = await modified()
const poll = setInterval(() => void look(), pollMs)

/** A signal may be lost, the files are not: who is no longer named as the server has been replaced. */
async function look(): Promise<void> {
  if (settings.until && !isRunning(settings.until)) return stop()
  const named = await readJsonFile(serverFile(folder), ServerFile)
  if (named && named.pid !== process.pid && isRunning(named)) return stop()
  const now = await modified()
  if (now === seen) return
  seen = now
  await reload()
}

async function modified(): Promise<string> {
  const files = [routesFile(folder), keysFile(folder), unloadedFile(folder)]
  const found = await Promise.all(files.map(path => stat(path).catch(() => undefined)))
  return found.map(file => `${file?.ino} ${file?.mtimeMs}`).join()
}

async function reload(): Promise<void> {
  // Keys first: loading models takes its time.
  await keys.reload()
  await table.reload()
}

/** Answers what has begun and ends; `leaveMs` is how long it still takes connections while it says that it is not ready. */
async function stop(leaveMs = 0): Promise<void> {
  if (isDraining) return
  isDraining = true
  clearInterval(poll)
  await new Promise(resolve => setTimeout(resolve, leaveMs))
  const deadline = setTimeout(() => process.exit(1), drainMsMax).unref()
  await Promise.all([http.drain(), grpc?.drain()])
  shadows.flush()
  await Promise.all([log.rotate(), teller?.close()])
  clearTimeout(deadline)
  process.exit(0)
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

process.on('SIGUSR2', () => void succeed())
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(times.drainMs))
