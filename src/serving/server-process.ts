import { spawn } from 'node:child_process'
import { openSync, closeSync } from 'node:fs'
import { readFile, stat, truncate } from 'node:fs/promises'
import { request as httpRequest, type Agent } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { TrainyardError } from '#kernel/error.ts'
import { builtAt } from '#kernel/place.ts'
import { isRunning } from './process-ticks.ts'
import { readJsonFile, replaceFile, ServerFile, serverFile, ServerStatus, statusPath } from './routes-file.ts'
import { settingsFile, type ServerSettings } from './server-settings.ts'

/** Starting, asking and ending model server processes. */

/** Models in Python take seconds each to load. */
const startMsMax = 180_000
const stopMsMax = 35_000
const outputBytesMax = 4 * 1024 * 1024
const outputFile = (folder: string): string => join(folder, 'server.log')

/**
 * What a request leaves behind is soon garbage. Where it lies is of one size, in MiB, from the start: left to itself it
 * grows and shrinks with the load, a third of what a process holds, and when it is small more is kept than has to be.
 */
const youngMib = 16
const nodeOptions = [
  '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
  `--min-semi-space-size=${youngMib}`,
  `--max-semi-space-size=${youngMib}`,
]

export interface Observers {
  /** It boots by itself from here on. */
  readonly onSpawn?: () => void
  /** It has ended while this process still runs. */
  readonly onExit?: () => void
}

/**
 * Starts a model server in a session of its own, so that it lives on without this process, and answers when it accepts
 * requests. Throws `unavailable` with its last words.
 */
export async function startServer(
  folder: string,
  settings: ServerSettings,
  { onSpawn, onExit }: Observers = {},
): Promise<ServerFile> {
  await tellSettings(folder, settings)
  if (((await stat(outputFile(folder)).catch(() => undefined))?.size ?? 0) > outputBytesMax)
    await truncate(outputFile(folder))
  const output = openSync(outputFile(folder), 'a')
  const child = spawn(process.execPath, [...nodeOptions, settings.main, folder], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  let hasEnded = false
  child.on('error', () => void (hasEnded = true))
  child.on('exit', () => {
    hasEnded = true
    onExit?.()
  })
  child.unref()
  onSpawn?.()
  const server = await named(
    folder,
    file => file.pid === child.pid,
    () => hasEnded,
  )
  if (server) return server
  child.kill('SIGKILL')
  throw await silence(folder)
}

/**
 * Lets a running server start its successor, which gets the listening socket and then takes over: no request is lost.
 * Throws `unavailable` when the successor does not serve; the server then goes on.
 */
export async function succeedServer(folder: string, settings: ServerSettings, former: ServerFile): Promise<ServerFile> {
  await tellSettings(folder, settings)
  signal(former, 'SIGUSR2')
  const server = await named(
    folder,
    file => file.pid !== former.pid && isRunning(file),
    () => !isRunning(former),
  )
  if (server) return server
  throw await silence(folder)
}

const tellSettings = (folder: string, settings: ServerSettings): Promise<void> =>
  replaceFile(settingsFile(folder), JSON.stringify(settings), 0o600)

/** The server that the folder names, once it is the expected one; undefined when that is not to come any more. */
async function named(
  folder: string,
  isExpected: (file: ServerFile) => boolean,
  hasEnded: () => boolean,
): Promise<ServerFile | undefined> {
  const deadline = Date.now() + startMsMax
  while (Date.now() < deadline) {
    const wasOver = hasEnded()
    const file = await readJsonFile(serverFile(folder), ServerFile)
    if (file && isExpected(file)) return file
    if (wasOver) return undefined
    await pause(10)
  }
  return undefined
}

async function silence(folder: string): Promise<TrainyardError> {
  const words = await readFile(outputFile(folder), 'utf8').catch(() => '')
  const last = words.trim().split('\n').slice(-6).join(' ')
  return new TrainyardError('unavailable', `The model server did not start. ${last}`, { log: outputFile(folder) })
}

/** Lets a server answer what it has begun, then ends it; 35 s after it no longer takes connections in any case. */
export async function stopServer(server: ServerFile, drainMs = 0): Promise<void> {
  signal(server, 'SIGTERM')
  const deadline = Date.now() + drainMs + stopMsMax
  while (isRunning(server) && Date.now() < deadline) await pause(20)
  signal(server, 'SIGKILL')
}

/** Sends a signal to exactly this process; nothing happens when it is gone and its pid is another's. */
export function signal(server: ServerFile, name: 'SIGHUP' | 'SIGTERM' | 'SIGKILL' | 'SIGUSR2'): void {
  try {
    if (isRunning(server)) process.kill(server.pid, name)
  } catch {
    // It ended in between.
  }
}

/** What the server says of itself, or undefined when it does not answer in time. */
export async function askStatus(server: ServerFile, timeoutMs = 5_000): Promise<ServerStatus | undefined> {
  const answer = await callAsKeeper(server, { method: 'GET', path: statusPath, timeoutMs }).catch(() => undefined)
  const status = answer?.status === 200 ? ServerStatus.safeParse(JSON.parse(answer.text)).data : undefined
  return status?.pid === server.pid ? status : undefined
}

export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Keeps connections for the next request. */
  readonly agent?: Agent
}

/** What only the control plane may ask. */
export const callAsKeeper = (server: ServerFile, exchange: Exchange): ReturnType<typeof call> =>
  call(server, { ...exchange, headers: { ...exchange.headers, authorization: `Bearer ${server.secret}` } })

/** One HTTP request, on a connection of its own unless an agent has one. */
export function call(
  { host, port }: Pick<ServerFile, 'host' | 'port'>,
  { method, path, body, headers = {}, timeoutMs, agent }: Exchange,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host, port, method, path, headers, agent: agent ?? false, signal: AbortSignal.timeout(timeoutMs) },
      response => {
        text(response).then(body => resolve({ status: response.statusCode ?? 0, text: body }), reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Whether anything listens there. */
export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 1_000 })
    const done = (taken: boolean) => (): void => {
      socket.destroy()
      resolve(taken)
    }
    socket.on('connect', done(true)).on('error', done(false)).on('timeout', done(true))
  })
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** As it is shipped, which starts in a quarter of the time: in the repository scripts/built.ts keeps it up to date. */
export const serverMain = fileURLToPath(builtAt('serving/server/main.js'))
