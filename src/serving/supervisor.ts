import { mkdir } from 'node:fs/promises'
import { conflict, messageOf, TrainyardError } from '#kernel/error.ts'
import { isRunning } from './process-ticks.ts'
import {
  readJsonFile,
  replaceFile,
  rotatePath,
  ServerFile,
  serverFile,
  routesFile,
  type RoutesFile,
  type ServerStatus,
} from './routes-file.ts'
import {
  askStatus,
  callAsKeeper,
  isTaken,
  pause,
  signal,
  startServer,
  type Exchange,
  type Observers,
  serverMain,
  stopServer,
  succeedServer,
} from './server-process.ts'
import {
  settingsDigest,
  type DoorSettings,
  type MemorySettings,
  type ServerSettings,
  type TellSettings,
  type TimeSettings,
  type WorkerSettings,
} from './server-settings.ts'

/** Keeps one model server running: it is started or found, watched, and started again when it is gone. */
export interface Supervisor {
  /** Writes the routes, then takes over a running server or starts one, which is `onSpawn` as soon as it boots. */
  start(routes: RoutesFile, onSpawn?: () => void): Promise<void>
  /**
   * Tells the server new routes and waits until they are in force. Throws `unavailable` when it does not take them, or
   * cannot load one of the bundles in `required`.
   */
  publish(routes: RoutesFile, required?: readonly string[]): Promise<void>
  /** Tells the server that a file it reads has changed; it would find out within a second. */
  tell(): void
  /** Closes the server's open segment of the prediction log. */
  rotateLog(): Promise<void>
  /** What only the control plane may ask the server that runs. Throws `unavailable` when none does. */
  ask(exchange: Exchange): ReturnType<typeof callAsKeeper>
  /** Lets the server give its socket to a successor and finish what it has begun. */
  replace(): Promise<void>
  /** Where requests go; undefined before the first start. */
  url(): string | undefined
  isUp(): boolean
  /** How often the server has died by itself since an instant. */
  crashesSince(at: number): number
  /** Stops watching; the server goes on. */
  stop(): Promise<void>
  /** Ends the server. */
  stopServer(): Promise<void>
}

export interface SupervisorOptions {
  readonly folder: string
  /** Where the model server listens. */
  readonly host: string
  /** 0 takes a free one and keeps it. */
  readonly port: number
  /** URL of the online feature store. */
  readonly online: string
  readonly doors: DoorSettings
  readonly times: TimeSettings
  readonly telling: TellSettings
  readonly memory: MemorySettings
  /** Of the platform: a model server of another one is replaced. */
  readonly version: string
  readonly workers: WorkerSettings
  /** Of the model server; one when it is left out. */
  readonly processes?: number | undefined
  readonly warn: (facts: object, message: string) => void
}

const watchMs = 250
const askEveryMs = 5_000
/** A server that does not answer for about this long is ended and started again. */
const silenceMsMax = 15_000
const publishMsMax = 60_000
const backOffMsMax = 5_000
/** How long the port of the server before may still be held by what is left of it. */
const leavingMsMax = 3_000

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const keeper = createKeeper(options)
  const { folder, warn } = options
  let timers: NodeJS.Timeout[] = []

  const stop = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer)
    await keeper.letGo()
  }

  const tell = (): void => {
    const server = keeper.server()
    if (server) signal(server, 'SIGHUP')
  }

  return {
    tell,

    async start(routes, onSpawn) {
      await mkdir(folder, { recursive: true })
      await replaceFile(routesFile(folder), JSON.stringify(routes))
      await keeper.hold(onSpawn)
      timers = [setInterval(keeper.look, watchMs).unref(), setInterval(keeper.listen, askEveryMs).unref()]
    },

    async publish(routes, required = []) {
      await replaceFile(routesFile(folder), JSON.stringify(routes))
      tell()
      requireLoaded(required, await inForce(keeper, routes))
    },

    async ask(exchange) {
      const server = keeper.server()
      if (!server || !isRunning(server)) throw new TrainyardError('unavailable', 'The model server does not run now.')
      return callAsKeeper(server, exchange)
    },

    async rotateLog() {
      // A server that is just being started may answer before this process knows of it.
      await keeper.settled()
      const server = keeper.server()
      if (!server || !isRunning(server)) return
      await callAsKeeper(server, { method: 'POST', path: rotatePath, timeoutMs: 5_000 }).catch((error: unknown) =>
        warn({ reason: messageOf(error) }, 'the model server did not close its segment'),
      )
    },

    replace: keeper.replace,

    url() {
      const server = keeper.server()
      return server && `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}`
    },
    isUp() {
      const server = keeper.server()
      return server !== undefined && isRunning(server)
    },
    crashesSince: at => keeper.crashes().filter(crash => crash >= at).length,

    stop,
    async stopServer() {
      await stop()
      // What the file names: another control plane may have started a server since.
      const server = (await readJsonFile(serverFile(folder), ServerFile)) ?? keeper.server()
      if (server) await stopServer(server, options.times.drainMs)
    },
  }
}

async function inForce(keeper: Keeper, routes: RoutesFile): Promise<ServerStatus> {
  const deadline = Date.now() + publishMsMax
  while (Date.now() < deadline) {
    const server = keeper.server()
    const status = server && isRunning(server) ? await askStatus(server) : undefined
    if (status && status.version >= routes.version) return status
    await pause(10)
  }
  throw new TrainyardError('unavailable', 'The model server does not take the new routes.', { version: routes.version })
}

function requireLoaded(required: readonly string[], { bundles }: ServerStatus): void {
  const missing = required.find(bundle => bundles[bundle] !== 'ready')
  if (missing === undefined) return
  const reason = bundles[missing] ?? 'it is not there'
  throw new TrainyardError('unavailable', `The bundle ${missing.slice(0, 12)} cannot be loaded: ${reason}`, {
    bundle: missing,
    reason,
  })
}

/** Holds on to one server process. One thing at a time: who looks may not start what is just being started. */
interface Keeper {
  server(): ServerFile | undefined
  crashes(): readonly number[]
  /** Takes over a running server or starts one, and from then on starts it again when it ends. */
  hold(onSpawn?: () => void): Promise<void>
  replace(): Promise<void>
  /** Resolves when a start that is under way has ended. */
  settled(): Promise<void>
  /** Starts the server again if it is gone. */
  look(): void
  /** Ends the server if it has not answered for too long; `look` then starts it again. */
  listen(): void
  letGo(): Promise<void>
}

function createKeeper({ folder, warn, ...told }: SupervisorOptions): Keeper {
  const { host, port, online, doors, times, telling, memory, version, workers, processes = 1 } = told
  const own = { isLogged: true, main: serverMain }
  const settings: ServerSettings = {
    host,
    port,
    online,
    doors,
    times,
    telling,
    memory,
    version,
    workers,
    processes,
    ...own,
  }
  const start: Start = { folder, settings, onExit: () => look() }
  const crashes: number[] = []
  let server: ServerFile | undefined
  let isHeld = false
  let silentSince: number | undefined
  let queue: Promise<unknown> = Promise.resolve()

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  async function revive(): Promise<void> {
    if (!isHeld || (server && isRunning(server))) return
    crashes.push(Date.now())
    const recent = crashes.filter(at => at > Date.now() - 30_000).length
    if (recent > 2) await pause(Math.min(backOffMsMax, 100 * 2 ** recent))
    warn({ pid: server?.pid, recent }, 'the model server has ended and is started again')
    if (isHeld) server = await launch(start)
  }

  function look(): void {
    if (!isHeld || (server && isRunning(server))) return
    void inTurn(revive).catch((error: unknown) => warn({ err: error }, 'the model server cannot be started'))
  }

  async function ask(): Promise<void> {
    if (!server || !isRunning(server)) return
    const isSilent = (await askStatus(server)) === undefined
    silentSince = isSilent ? (silentSince ?? Date.now()) : undefined
    if (silentSince === undefined || Date.now() - silentSince < silenceMsMax) return
    warn({ pid: server.pid }, 'the model server does not answer and is ended')
    silentSince = undefined
    signal(server, 'SIGKILL')
  }

  return {
    server: () => server,
    crashes: () => crashes,
    hold: onSpawn =>
      inTurn(async () => {
        server = await adopt({ ...start, ...(onSpawn && { onSpawn }) })
        isHeld = true
      }),
    replace: () =>
      inTurn(async () => {
        if (server && isRunning(server)) server = await succeedServer(folder, settings, server)
        else server = await launch(start)
      }),
    settled: () => inTurn(async () => {}),
    look,
    listen: () => void inTurn(ask).catch((error: unknown) => warn({ err: error }, 'the model server cannot be asked')),
    async letGo() {
      isHeld = false
      await queue
    },
  }
}

/** How a server is to be started. */
interface Start extends Observers {
  readonly folder: string
  readonly settings: ServerSettings
}

async function launch({ folder, settings, ...observers }: Start): Promise<ServerFile> {
  const { host, port } = settings
  const kept = (await readJsonFile(serverFile(folder), ServerFile))?.port ?? 0
  const wanted = port === 0 ? kept : port
  const isFree = wanted === 0 || (await isLeft(host, wanted, wanted === kept ? leavingMsMax : 0))
  if (isFree) return startServer(folder, { ...settings, port: wanted }, observers)
  if (port === 0) return startServer(folder, settings, observers)
  throw conflict(`Port ${port} of ${host} is taken by another program.`, { host, port, setting: 'servingPort' })
}

/**
 * Whether a port is free, or becomes it in time: of a killed process the first thread may be gone, and the others still
 * hold its sockets for a moment.
 */
async function isLeft(host: string, port: number, waitMs: number): Promise<boolean> {
  for (const deadline = Date.now() + waitMs; await isTaken(host, port); await pause(20))
    if (Date.now() >= deadline) return false
  return true
}

/** Takes over a server that runs in the folder; one that was told something else is succeeded, a silent one is ended. */
async function adopt(start: Start): Promise<ServerFile> {
  const { folder, settings } = start
  const found = await readJsonFile(serverFile(folder), ServerFile)
  if (!found || !isRunning(found)) return launch(start)
  const isThere = found.host === settings.host && (settings.port === 0 || found.port === settings.port)
  if (!isThere || (await askStatus(found)) === undefined) {
    await stopServer(found, settings.times?.drainMs)
    return launch(start)
  }
  const isSame = found.settings === settingsDigest(settings)
  const server = isSame ? found : await succeedServer(folder, settings, found)
  signal(server, 'SIGHUP')
  return server
}
