import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createIsolation } from '#compute/isolation.ts'
import { silentOnnx } from '#kernel/silent-onnx.ts'
import { besideCode, moduleAt } from '#kernel/place.ts'
import type { WorkerSettings } from '../server-settings.ts'
import type { TextListener } from './runtime.ts'
import { cancelFrame, parseFrame, splitFrames, type Frame } from './worker-frames.ts'
import type { Worker } from './worker-runtime.ts'

/** What a worker may, and what it is. */
interface ProcessSpec extends WorkerSettings {
  readonly command: readonly string[]
  /** Folders where programs are found, before the machine's. */
  readonly path: string
  readonly variables?: Readonly<Record<string, string>>
  /** Folders that it may read, in those that are hidden. */
  readonly readable: readonly string[]
}

export interface PythonSpec extends WorkerSettings {
  /** A Python with the packages of the model. */
  readonly python: string
  /** Folders that it may read, in those that are hidden. */
  readonly readable: readonly string[]
}

/** The folder of the virtual environment that a Python is of, with the folder above it. */
export const environmentOf = (python: string): string => dirname(dirname(dirname(python)))

const program = fileURLToPath(besideCode('serving/worker/worker.py'))
const lastLinesMax = 6
const lastCharactersMax = 4_096

/** Starts a worker in Python, as {@link startProcess} does. */
export const startPython = ({ python, ...spec }: PythonSpec): Promise<Worker> =>
  startProcess({
    ...spec,
    // Isolated from variables and folders of whoever starts it; nothing is compiled into folders that are not its own.
    command: [python, '-I', '-B', '-u', program],
    path: dirname(python),
    // One request at a time: more threads of one worker only take cores from the others.
    variables: Object.fromEntries(['OMP', 'OPENBLAS', 'MKL'].map(name => [`${name}_NUM_THREADS`, '1'])),
  })

/** Starts a worker for models of ONNX that are in a folder, as {@link startProcess} does. */
export const startOnnxProcess = (settings: WorkerSettings, folder: string): Promise<Worker> =>
  startProcess({
    ...settings,
    command: [...limited(settings.memoryBytes), process.execPath, fileURLToPath(moduleAt('serving/server/onnx-main'))],
    path: dirname(process.execPath),
    readable: [folder],
  })

/** What Node reserves without using it: with 1.1 GiB beside the model a thread does not start [measured, Node 26]. */
const reservedBytes = 1_280 * 1024 ** 2

/** Begins a command whose memory is bounded as `worker.py` bounds its own [POSIX sh, `ulimit -d` in KiB]. */
const limited = (memoryBytes: number): readonly string[] =>
  memoryBytes === 0
    ? []
    : ['/bin/sh', '-c', 'ulimit -d "$0" && exec "$@"', `${Math.ceil((memoryBytes + reservedBytes) / 1024)}`]

/**
 * Starts a process that answers frames in an empty folder of its own, with a socket between it and this process, and nothing
 * of this process's environment. What it prints goes to this process's standard error. Rejects when it cannot be started.
 */
async function startProcess(spec: ProcessSpec): Promise<Worker> {
  const root = await mkdtemp(join(tmpdir(), 'trainyard-model-'))
  try {
    await mkdir(join(root, 'code'))
    return await launch(spec, root)
  } catch (error) {
    await rm(root, { recursive: true, force: true })
    throw error
  }
}

async function launch(spec: ProcessSpec, root: string): Promise<Worker> {
  const { isolation: kind, hidden, readable } = spec
  const isolation = createIsolation({ kind, path: undefined, hidden, readable, network: 'none' })
  const { command } = await isolation.wrap(spec.command, root)
  const [file = '', ...args] = command
  const child = spawn(file, args, {
    cwd: join(root, 'code'),
    env: variables(spec, root),
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
  return { ended, kill, ask: asker(child.stdio[3] as Socket, ended, kill) }
}

const variables = ({ path, variables: own }: ProcessSpec, root: string): Record<string, string> => ({
  PATH: [path, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
  HOME: root,
  TMPDIR: root,
  LANG: 'C.UTF-8',
  ...silentOnnx,
  ...own,
})

function asker(socket: Socket, ended: Promise<string>, kill: () => void): Worker['ask'] {
  let waiting: { resolve(frame: Frame): void; reject(error: Error): void; listener?: TextListener } | undefined
  const settle = (): typeof waiting => {
    const one = waiting
    waiting = undefined
    return one
  }
  socket.on('error', () => {}) // Told by its end.
  splitFrames(
    socket,
    bytes => {
      const frame = parseFrame(bytes)
      const { part } = frame.header as { part?: string }
      if (part === undefined) settle()?.resolve(frame)
      else waiting?.listener?.part(part)
    },
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
  return (frame, listener) =>
    new Promise((resolve, reject) => {
      if (end !== undefined) return reject(new Error(end))
      const asked = { resolve, reject, ...(listener && { listener }) }
      waiting = asked
      socket.write(frame)
      const cancel = (): void => void (waiting === asked && socket.write(cancelFrame))
      if (listener?.signal.aborted) cancel()
      else listener?.signal.addEventListener('abort', cancel, { once: true })
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
