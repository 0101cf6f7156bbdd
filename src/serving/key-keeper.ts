import { mkdir } from 'node:fs/promises'
import type { ServingKey } from './keys-file.ts'
import { keysFile } from './keys-file.ts'
import { replaceFile } from './routes-file.ts'
import type { Supervisor } from './supervisor.ts'

/** Keeps the file by which the model server knows tokens. */
export interface KeyKeeper {
  /** Returns when the file says what is true now. */
  start(): Promise<void>
  /** A token, user or role has changed: the file follows at once. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

export interface KeyParts {
  /** The model server's folder. */
  readonly folder: string
  keys(): Promise<readonly ServingKey[]>
  readonly warn: (facts: object, message: string) => void
}

/** How long a change by another process on the same database may go unseen, in milliseconds. */
const refreshMs = 3_000

export function createKeyKeeper({ folder, keys, warn }: KeyParts, supervisor: Pick<Supervisor, 'tell'>): KeyKeeper {
  let written = ''
  let isHeld = false
  let timer: NodeJS.Timeout | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let waiting: Promise<void> | undefined

  async function write(): Promise<void> {
    waiting = undefined
    const text = JSON.stringify({ keys: await keys() })
    if (text === written) return
    await replaceFile(keysFile(folder), text, 0o600)
    written = text
    supervisor.tell()
  }

  /** Whoever comes while a writing waits for its turn is served by that one. */
  function refresh(): Promise<void> {
    if (!isHeld) return Promise.resolve()
    if (waiting) return waiting
    waiting = queue.then(write)
    queue = waiting.catch((error: unknown) => warn({ err: error }, 'the model server does not learn who may ask it'))
    return waiting
  }

  return {
    async start() {
      await mkdir(folder, { recursive: true })
      isHeld = true
      await refresh()
      timer = setInterval(() => void refresh().catch(() => {}), refreshMs).unref()
    },
    refresh,
    async stop() {
      isHeld = false
      clearInterval(timer)
      await queue
    },
  }
}
