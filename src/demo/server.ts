import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TrainyardError } from '#kernel/error.ts'
import { builtAt } from '#kernel/place.ts'

/** A platform in a process of its own, on a data folder of its own. */
export interface ServerProcess {
  readonly url: string
  readonly data: string
  readonly pid: number
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<void>
  /** Asks it to end, and waits. The model server goes on. */
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly data: string
  readonly port?: number
  readonly servingPort?: number
  readonly env?: Readonly<Record<string, string>>
}

/** As it is shipped: in the repository scripts/built.ts keeps it up to date. */
const cli = fileURLToPath(builtAt('cli/main.js'))
const readyMs = 90_000

/**
 * Starts `trainyard start` and waits until it answers. Its log is in `<data>/server.log`. When it is stopped its tasks end
 * with it: whoever stops it here is about to remove the folder.
 */
export async function startServer({
  data,
  port = 0,
  servingPort = 0,
  env = {},
}: ServerOptions): Promise<ServerProcess> {
  await mkdir(data, { recursive: true })
  await rm(join(data, 'server.json'), { force: true })
  const log = openSync(join(data, 'server.log'), 'a')
  const args = [cli, 'start', '--data', data, '--port', String(port), '--serving-port', String(servingPort)]
  const variables = { ...surroundings(), TRAINYARD_TASKS_AT_STOP: 'end', ...env }
  const child = spawn(process.execPath, args, { stdio: ['ignore', log, log], env: variables })
  closeSync(log)
  const ended = once(child, 'exit').then(() => {})
  const url = await address(child, data)
  return {
    url,
    data,
    pid: child.pid!,
    ended,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** What a server inherits: the machine's own settings, none of the platform's. */
const surroundings = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TRAINYARD_'))) // oxlint-disable-line node/no-process-env -- a child process inherits the machine's environment

async function address(child: ChildProcess, data: string): Promise<string> {
  for (const until = Date.now() + readyMs; Date.now() < until; await sleep(20)) {
    const announced = await readFile(join(data, 'server.json'), 'utf8').catch(() => undefined)
    if (announced) {
      const { url } = JSON.parse(announced) as { url: string }
      const response = await fetch(`${url}/api/v1/health`).catch(() => undefined)
      if (response?.ok) return url
    }
    if (child.exitCode !== null || child.signalCode !== null) break
  }
  const log = await readFile(join(data, 'server.log'), 'utf8').catch(() => '')
  child.kill('SIGKILL')
  throw new TrainyardError(
    'unavailable',
    `The server did not start. The end of its log:\n${log.split('\n').slice(-15).join('\n')}`,
  )
}
