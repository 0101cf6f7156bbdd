import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { pause } from '../../src/serving/server-process.ts'
import { freePort } from '../../test/mlflow/servers.ts'
import { pinned } from './core.ts'
import type { Running } from './model-server.ts'

/** The other servers, each as its own documentation says, with one worker. */

export function startMlflow(python: string, folder: string): Promise<Running> {
  const args = ['-m', 'mlflow', 'models', 'serve', '-m', join(folder, 'mlflow'), '--env-manager', 'local', '-w', '1']
  return startPeer({ python, args, portFlag: '-p', health: '/ping' })
}

export function startBento(python: string, folder: string): Promise<Running> {
  const args = [
    '-m',
    'bentoml',
    'serve',
    'service:Trees',
    '--working-dir',
    join(folder, 'bento'),
    '--host',
    '127.0.0.1',
  ]
  return startPeer({ python, args, portFlag: '-p', health: '/readyz' })
}

interface Peer {
  readonly python: string
  readonly args: readonly string[]
  readonly portFlag: string
  readonly health: string
}

const startMsMax = 120_000

async function startPeer({ python, args, portFlag, health }: Peer): Promise<Running> {
  const port = await freePort()
  // A group of its own: both have children, which end with it.
  const [command, ...all] = pinned('server', [python, ...args, portFlag, String(port)])
  const child = spawn(command, all, {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, PATH: `${dirname(python)}:${process.env['PATH']}`, BENTOML_DO_NOT_TRACK: 'true' }, // oxlint-disable-line node/no-process-env -- handed on
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return
    // BentoML's worker is in a group of its own: only its parent ends it.
    const ended = once(child, 'exit')
    process.kill(-child.pid!, 'SIGTERM')
    const patience = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 10_000)
    await ended
    clearTimeout(patience)
  }
  const until = Date.now() + startMsMax
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${health}`).catch(() => undefined)
    if (answer?.ok) break
    if (Date.now() > until || child.exitCode !== null) {
      await stop()
      throw new Error(`${args.slice(0, 4).join(' ')} does not answer.`)
    }
    await pause(200)
  }
  return { port, pid: child.pid!, stop }
}
