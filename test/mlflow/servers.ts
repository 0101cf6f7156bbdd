import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServer } from '../server.ts'

/** A server in a folder of its own. */
export interface RunningServer {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

export interface MlflowOptions {
  /** Where `mlflow` is installed. */
  readonly python: string
  readonly folder: string
  /** SQLAlchemy's address; a SQLite file in the folder when absent. */
  readonly database?: string
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

const readyMs = 300_000

/** Starts `mlflow server` with one worker and a proxy for artifacts, and waits until it answers. */
export async function startMlflow({ python, folder, database, env, args = [] }: MlflowOptions): Promise<RunningServer> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const log = join(folder, 'mlflow.log')
  const output = openSync(log, 'a')
  const options = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1']
  const backend = database ?? `sqlite:///${folder}/mlflow.db`
  const stores = ['--backend-store-uri', backend, '--artifacts-destination', join(folder, 'artifacts')]
  const child = spawn(python, ['-m', 'mlflow', 'server', ...options, ...stores, ...args], {
    cwd: folder,
    // A group of its own: the server's workers end with it.
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...quiet, ...env }, // oxlint-disable-line node/no-process-env -- a child process inherits the machine's environment
  })
  const url = `http://127.0.0.1:${port}`
  await answers(url, child, log)
  return {
    url,
    pid: child.pid!,
    async stop() {
      const ended = once(child, 'exit')
      process.kill(-child.pid!, 'SIGTERM')
      const patience = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 5_000)
      await ended
      clearTimeout(patience)
    },
  }
}

/** Starts ours, with its model server. Both end with `stop`. */
export async function startOurs(data: string, env: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  const server = await startServer({ data, env })
  return {
    url: server.url,
    pid: server.pid,
    async stop() {
      await fetch(`${server.url}/api/v1/serving/stop`, { method: 'POST' })
      await server.stop()
    },
  }
}

/** Nothing that asks the network or starts processes that no flow needs. */
export const quiet = {
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
}

async function answers(url: string, child: ChildProcess, log: string): Promise<void> {
  for (const until = Date.now() + readyMs; Date.now() < until; await sleep(100)) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok) return
    if (child.exitCode !== null) break
  }
  if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  const text = await readFile(log, 'utf8').catch(() => '')
  throw new Error(`MLflow's server did not start. The end of its log:\n${text.split('\n').slice(-15).join('\n')}`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
