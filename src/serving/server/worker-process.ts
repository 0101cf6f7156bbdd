import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createIsolation } from '#compute/isolation.ts'
import { silentOnnx } from '#kernel/silent-onnx.ts'
import { besideCode } from '#kernel/place.ts'
import type { WorkerSettings } from '../server-settings.ts'
import { readFrames, type Frame } from './worker-frames.ts'

export interface WorkerSpec extends WorkerSettings {
  /** A Python with the packages of the model. */
  readonly python: string
  /** Folders that it may read, in those that are hidden. */
  readonly readable: readonly string[]
}

/** A Python process that answers frames, one after the other. */
export interface WorkerProcess {
  readonly pid: number
  /** Rejects with a sentence when it ends, or says nonsense, before it has answered; it is over then. */
  ask(frame: Buffer): Promise<Frame>
  /** Resolves with how it ended, as the end of a sentence. */
  readonly ended: Promise<string>
  kill(): void
}

/** The folder of the virtual environment that a Python is of, with the folder above it. */
export const environmentOf = (python: string): string => dirname(dirname(dirname(python)))

const program = fileURLToPath(besideCode('serving/worker/worker.py'))
const lastLinesMax = 6
const lastCharactersMax = 4_096

/**
 * Starts a worker in an empty folder of its own, with a socket between it and this process, and nothing of this process's
 * environment. What it prints goes to this process's standard error. Rejects when it cannot be started.
 */
export async function startWorker(spec: WorkerSpec): Promise<WorkerProcess> {
  const root = await mkdtemp(join(tmpdir(), 'trainyard-model-'))
  try {
    await mkdir(join(root, 'code'))
    return await launch(spec, root)
  } catch (error) {
    await rm(root, { recursive: true, force: true })
    throw error
  }
}

async function launch(spec: WorkerSpec, root: string): Promise<WorkerProcess> {
  const { python, isolation: kind, hidden, readable } = spec
  const isolation = createIsolation({ kind, path: undefined, hidden, readable, network: 'none' })
  // Isolated from variables and folders of whoever starts it; nothing is compiled into folders that are not its own.
  const { command } = await isolation.wrap([python, '-I', '-B', '-u', program], root)
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd: join(root, 'code'),
    env: variables(python, root),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const words = lastWords([child.stdout!, child.stderr!] as Socket[])
  const ended = new Promise<string>(resolve =>
    child.once('exit', (code, signal) => {
      void rm(root, { recursive: true, force: true }).catch(() => {})
      resolve(`${code === null ? `was ended by ${signal}` : `ended with exit code ${code}`}${words()}`)
    }),
  )
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => Promise.reject(error as Error))])
  const kill = (): void => void child.kill('SIGKILL')
  return { pid: child.pid!, ended, kill, ask: asker(child.stdio[3] as Socket, ended, kill) }
}

const variables = (python: string, root: string): Record<string, string> => ({
  PATH: [dirname(python), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
  HOME: root,
  TMPDIR: root,
  LANG: 'C.UTF-8',
  ...silentOnnx,
  // One request at a time: more threads of one worker only take cores from the others.
  ...Object.fromEntries(['OMP', 'OPENBLAS', 'MKL'].map(name => [`${name}_NUM_THREADS`, '1'])),
})

function asker(socket: Socket, ended: Promise<string>, kill: () => void): WorkerProcess['ask'] {
  let waiting: { resolve(frame: Frame): void; reject(error: Error): void } | undefined
  const settle = (): typeof waiting => {
    const one = waiting
    waiting = undefined
    return one
  }
  socket.on('error', () => {}) // Told by its end.
  readFrames(
    socket,
    frame => settle()?.resolve(frame),
    why => {
      kill()
      settle()?.reject(new Error(`was ended: ${why}`))
    },
  )
  let end: string | undefined
  void ended.then(how => {
    end = how
    settle()?.reject(new Error(how))
  })
  return frame =>
    new Promise((resolve, reject) => {
      if (end !== undefined) return reject(new Error(end))
      waiting = { resolve, reject }
      socket.write(frame)
    })
}

/** Passes on what is printed, and answers its last lines. */
function lastWords(streams: readonly Socket[]): () => string {
  let text = ''
  for (const stream of streams)
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      process.stderr.write(chunk)
      text = (text + chunk).slice(-lastCharactersMax)
    })
  return () => {
    const lines = text.trim().split('\n').slice(-lastLinesMax).join(' ')
    return lines === '' ? '' : `. Its last words: ${lines}`
  }
}
