import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { QueueStatus } from '../wire.ts'
import { openChannel, type Channel } from './channel.ts'
import { giveSockets, type Sockets } from './handover.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Recent } from './recent-requests.ts'
import type { ModelStatistics } from './statistics.ts'

/**
 * The processes of one model server, one for each core: they take connections from the same sockets. The first one starts
 * the others, and starts again what ends; when it ends, so do they. What is asked of one is asked of all, and of what a
 * client may ask in a second there is one account.
 */
export interface Family {
  /** What every process says to a question. One that does not answer in time is ended, and left out. */
  all<Key extends keyof Answers>(question: Key): Promise<readonly Awaited<ReturnType<Answers[Key]>>[]>
  readonly rates: RateLimit
  /** What the control plane says to any of them. */
  secret(): Promise<string>
  /** In the first process: starts the others, and resolves when they serve. */
  start(sockets: Sockets): Promise<void>
  /** In the first process: has the others end as this one does, and resolves when they have. */
  stop(leaveMs: number): Promise<void>
}

/** What each process says of itself, as JSON. */
export interface Answers {
  metrics(): Promise<object[]>
  statistics(): readonly ModelStatistics[]
  status(): { readonly version: number; readonly bundles: Readonly<Record<string, string>> }
  queues(): readonly QueueStatus[]
  recent(): Recent
  rotate(): Promise<void>
  reload(): Promise<void>
}

/** What a process is told that is not the first one. */
export const siblingMark = 'sibling'

const answerMsMax = 10_000
const restartMs = { first: 200, max: 30_000 }
/** One that has served for so long has not ended because of how it was started. */
const settledMs = 60_000

interface Sibling {
  readonly child: ChildProcess
  readonly channel: Channel
}

export function leadFamily(
  { folder, size, rates, secret }: { folder: string; size: number; rates: RateLimit; secret: string },
  answers: Answers,
): Family {
  const siblings = new Set<Sibling>()
  let isEnding = false

  const all: Family['all'] = async question => {
    const others = [...siblings].map(sibling => askInTime(sibling, question))
    const said = await Promise.allSettled([answers[question](), ...others])
    const [own] = said
    if (own?.status === 'rejected') throw own.reason
    return said.flatMap(each => (each.status === 'fulfilled' ? [each.value as never] : []))
  }

  function heard(question: string, input: unknown): unknown {
    if (question === 'secret') return secret
    if (question !== 'take') return all(question as keyof Answers)
    const [client, perSecond] = input as Parameters<RateLimit['take']>
    return rates.take(client, perSecond)
  }

  /** Resolves when it serves, or has ended before. */
  async function begin(sockets: Sockets, pauseMs: number): Promise<void> {
    const startedAt = performance.now()
    const child = fork(process.argv[1]!, [folder, siblingMark], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const sibling = { child, channel: openChannel(child, heard) }
    const ended = once(child, 'exit').then(() => {
      siblings.delete(sibling)
      if (isEnding) return
      const next = performance.now() - startedAt > settledMs ? restartMs.first : Math.min(restartMs.max, 2 * pauseMs)
      process.stderr.write(`Process ${child.pid} of the model server has ended and is started again.\n`)
      setTimeout(() => {
        if (!isEnding) void begin(sockets, next)
      }, pauseMs).unref()
    })
    // From here on it hears of every change; of one since it has read the routes it has to be told.
    const join = (): Promise<unknown> => {
      siblings.add(sibling)
      return sibling.channel.ask('reload')
    }
    await Promise.race([giveSockets(child, sockets, join), ended])
  }

  return {
    all,
    rates,
    secret: async () => secret,
    async start(sockets) {
      await Promise.all(Array.from({ length: size - 1 }, () => begin(sockets, restartMs.first)))
    },
    async stop(leaveMs) {
      isEnding = true
      await Promise.all(
        [...siblings].map(async ({ child, channel }) => {
          const ended = once(child, 'exit')
          await channel.ask('stop', leaveMs).catch(() => child.kill())
          await ended
        }),
      )
    },
  }
}

async function askInTime({ child, channel }: Sibling, question: string): Promise<unknown> {
  const timer = setTimeout(() => child.kill('SIGKILL'), answerMsMax)
  return channel.ask(question).finally(() => clearTimeout(timer))
}

/** @param stop Ends this process as the first one does, or because that has ended. */
export function joinFamily(answers: Answers, stop: (leaveMs: number) => void): Family {
  const channel = openChannel(process, (question, input) =>
    question === 'stop' ? stop(input as number) : answers[question as keyof Answers](),
  )
  process.on('disconnect', () => stop(0))
  return {
    all: question => channel.ask(question) as never,
    secret: () => channel.ask('secret') as Promise<string>,
    // While the first one is away nobody counts.
    rates: { take: (client, perSecond) => channel.ask('take', [client, perSecond]).catch(() => 0) as Promise<number> },
    start: async () => {},
    stop: async () => {},
  }
}
