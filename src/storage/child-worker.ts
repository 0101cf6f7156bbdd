import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TrainyardError } from '#kernel/error.ts'

/**
 * A child process that answers requests, several at a time: for libraries that block the thread they run on, or that
 * may fall over. It is started by the first request and ends after a minute without any.
 */
export interface ChildWorker<Request extends object, Answer> {
  /**
   * Cancelling ends the process at once; what else was waiting is asked again of a new one. Throws {@link Refused} with
   * the worker's own words, or `unavailable` when the process ends before it has answered.
   */
  call(request: Request, signal?: AbortSignal): Promise<Answer>
  stop(): void
}

/** The worker understood the request and could not do it. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

interface Waiting<Request, Answer> {
  readonly request: Request
  readonly signal: AbortSignal | undefined
  /** How often it has been asked of a process. */
  asked: number
  resolve(answer: Answer): void
  reject(error: Error): void
}

type Reply<Answer> = { readonly id: number } & ({ readonly answer: Answer } | { readonly error: string })

const idleMs = 60_000
const askedMax = 3

/** `module` is the worker's file as written in the source: it calls {@link answerRequests}. It works in an empty folder. */
export function createChildWorker<Request extends object, Answer>({
  module,
  args = [],
}: {
  module: URL
  args?: readonly string[]
}): ChildWorker<Request, Answer> {
  const waiting = new Map<number, Waiting<Request, Answer>>()
  let child: ChildProcess | undefined
  let idle: NodeJS.Timeout | undefined
  let counter = 0

  const stop = (): void => {
    clearTimeout(idle)
    child?.kill('SIGKILL')
    child = undefined
  }

  function rest(): void {
    if (waiting.size > 0) return
    child?.channel?.unref()
    clearTimeout(idle)
    idle = setTimeout(stop, idleMs).unref()
  }

  function ask(id: number, call: Waiting<Request, Answer>): void {
    clearTimeout(idle)
    child ??= start()
    child.channel?.ref()
    call.asked += 1
    waiting.set(id, call)
    child.send({ ...call.request, id })
  }

  function start(): ChildProcess {
    const started = launch(module, args, {
      answered: reply => settle(reply as Reply<Answer>),
      ended() {
        if (child === started) child = undefined
        const left = [...waiting]
        waiting.clear()
        for (const [id, call] of left) askAgain(id, call)
      },
    })
    return started
  }

  function askAgain(id: number, call: Waiting<Request, Answer>): void {
    if (call.signal?.aborted || call.asked >= askedMax)
      call.reject(new TrainyardError('unavailable', 'The process that worked on this ended before it answered.'))
    else ask(id, call)
  }

  function settle(reply: Reply<Answer>): void {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) call?.reject(new Refused(reply.error))
    else call?.resolve(reply.answer)
    rest()
  }

  return {
    call(request, signal) {
      signal?.throwIfAborted()
      const cancel = (): void => void child?.kill('SIGKILL')
      signal?.addEventListener('abort', cancel, { once: true })
      return new Promise<Answer>((resolve, reject) =>
        ask(++counter, { request, signal, asked: 0, resolve, reject }),
      ).finally(() => signal?.removeEventListener('abort', cancel))
    },
    stop,
  }
}

interface Heard {
  answered(reply: unknown): void
  ended(): void
}

function launch(module: URL, args: readonly string[], { answered, ended }: Heard): ChildProcess {
  const cwd = mkdtempSync(join(tmpdir(), 'trainyard-worker-'))
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
  const child = fork(fileURLToPath(module), [...args], {
    cwd,
    execArgv: [],
    serialization: 'advanced',
    stdio: [...stdio],
  })
  child.on('message', answered)
  child.on('exit', () => {
    rmSync(cwd, { recursive: true, force: true })
    ended()
  })
  child.unref()
  return child
}

/** The worker's side: answers each request with what `answer` gives, or with the message of what it throws. */
export function answerRequests<Request extends object>(answer: (request: Request) => Promise<unknown>): void {
  const reply = async ({ id, ...request }: Request & { id: number }): Promise<void> => {
    try {
      process.send!({ id, answer: await answer(request as unknown as Request) })
    } catch (error) {
      process.send!({ id, error: error instanceof Error ? error.message : String(error) })
    }
  }
  process.on('message', request => void reply(request as Request & { id: number }))
  process.on('disconnect', () => process.exit())
}
