import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { besideCode } from '#kernel/place.ts'

/** `shim/zygote.py`: a Python that is kept warm, and forked for each shim. */
export interface Zygote {
  /** A new shim that waits in this folder. */
  fork(folder: string): Promise<Forked>
  /** Ends it, not the shims. The next fork begins another. */
  stop(): void
}

interface Forked {
  readonly pid: number
  /** By which it is told what to do. It ends with the shim, and a shim that was not told everything ends with it. */
  readonly line: Socket
}

interface Warm {
  readonly child: ChildProcess
  readonly path: string
}

const program = fileURLToPath(besideCode('compute/shim/zygote.py'))

/** Not TMPDIR, which may be longer than the name of a socket: 107 bytes [unix(7)]. */
const place = '/tmp'

/** One that says nothing for `silenceMsMax` stands still: another takes its place. */
export function createZygote(interpreter: () => Promise<string>, { silenceMsMax = 10_000 } = {}): Zygote {
  let current: Promise<Warm> | undefined

  function warm(): Promise<Warm> {
    const one = begin()
    const forget = (): void => {
      if (current === one) current = undefined
    }
    one.then(({ child }) => child.once('exit', forget), forget)
    return (current = one)
  }

  async function begin(): Promise<Warm> {
    const path = `${place}/trainyard-${randomUUID()}`
    const child = spawn(await interpreter(), ['-I', '-S', program, path], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`The process that begins tasks ended at once, with exit code ${code}.`)
    })
    await Promise.race([once(child.stdout!, 'data'), ended])
    // It ends by itself when this process has.
    for (const part of [child, child.stdin as Socket, child.stdout as unknown as Socket]) part.unref()
    return { child, path }
  }

  function stop(): void {
    // It may stand still: asking it would not do. What it would have swept away is swept here.
    const end = ({ child, path }: Warm): void => {
      child.kill('SIGKILL')
      rmSync(path, { force: true })
    }
    void current?.then(end).catch(() => {})
    current = undefined
  }

  return {
    async fork(folder) {
      const known = current
      const { path } = await (known ?? warm())
      try {
        return await forkAt(path, folder, AbortSignal.timeout(silenceMsMax))
      } catch (error) {
        if (known === undefined) throw error
        // It has been killed, stands still, or its place was swept away.
        if (current === known) stop()
        return this.fork(folder)
      }
    },
    stop,
  }
}

async function forkAt(path: string, folder: string, signal: AbortSignal): Promise<Forked> {
  const line = createConnection(path)
  // One that ends before it has read everything is noticed by its end.
  line.on('error', () => {})
  line.write(`${folder}\0`)
  const heard = Promise.race([once(line, 'data', { signal }), once(line, 'close')])
  // A shim that is forked later all the same is told nothing, and ends.
  const [said] = (await heard.catch((error: unknown) => {
    line.destroy()
    throw error
  })) as [Buffer | boolean]
  if (!Buffer.isBuffer(said)) throw new Error('A process for the task could not be forked.')
  return { pid: Number(said.toString()), line }
}
