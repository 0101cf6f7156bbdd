import { setTimeout as sleep } from 'node:timers/promises'
import { problemOf, type Reply } from '../call.ts'
import { givenId } from './given-id.ts'
import type { OpenLink, QueueLink, QueueMessage, QueueRoute } from './queue.ts'

/** What a consumer says of itself. */
export interface ConsumerState {
  readonly state: 'starting' | 'running' | 'away' | 'stopped'
  /** Messages that are not done with, when it was last looked. */
  readonly lag?: number
  readonly answered: number
  readonly dead: number
  /** Why it is away, or why the last message became a dead letter. */
  readonly error?: string
}

export interface Consumer {
  state(): ConsumerState
  /** Takes no more messages, answers those it has, and leaves the broker. */
  stop(): Promise<void>
}

export interface ConsumerParts {
  readonly route: QueueRoute
  readonly open: OpenLink
  /** Answers a message. Rejects as a request for predictions does. */
  answer(body: Buffer, idOf: (row: number) => string): Promise<Reply>
  /** Told of each message that is done with. */
  observe(outcome: 'answered' | 'dead'): void
  readonly redeliverMs?: number
}

const redeliverMsUsual = 30_000
const [pauseMsMin, pauseMsMax, lagEveryMs, busyPauseMs] = [200, 30_000, 5_000, 500]
/** Not now, but later: the deployment is busy, or is not loaded yet. */
const later: readonly number[] = [404, 429, 503]
const dayMs = 86_400_000

/**
 * Answers the messages of a queue, again after every failure of the broker. A message is done with when its answer, or what
 * is wrong with it, has arrived: until then it is delivered again, and its prediction has the same id.
 */
export function startConsumer(parts: ConsumerParts): Consumer {
  const { route, open, redeliverMs = redeliverMsUsual } = parts
  const stopping = new AbortController()
  const { signal } = stopping
  let state: ConsumerState = { state: 'starting', answered: 0, dead: 0 }
  const note = (change: Partial<ConsumerState>): void => void (state = { ...state, ...change })
  const handled = (outcome: 'answered' | 'dead', error?: string): void => {
    note({ [outcome]: state[outcome] + 1, ...(error !== undefined && { error }) })
    parts.observe(outcome)
  }

  async function consume(link: QueueLink): Promise<void> {
    let lookAt = 0
    while (!signal.aborted) {
      if (Date.now() >= lookAt) {
        note({ lag: await link.lag() })
        lookAt = Date.now() + lagEveryMs
      }
      const messages = await link.receive(route.inFlight)
      await Promise.all(messages.map(message => handle(parts, link, message, { signal, handled })))
    }
  }

  async function run(): Promise<void> {
    for (let pauseMs = pauseMsMin; !signal.aborted; pauseMs = Math.min(pauseMsMax, pauseMs * 2)) {
      let link: QueueLink | undefined
      try {
        link = await open(route, redeliverMs)
        const { error: _, ...rest } = state
        state = { ...rest, state: 'running' }
        pauseMs = pauseMsMin
        await consume(link)
      } catch (error) {
        note({ state: 'away', error: withoutPassword(route, error) })
        await sleep(pauseMs, undefined, { signal }).catch(() => {})
      } finally {
        await link?.close().catch(() => {})
      }
    }
    note({ state: 'stopped' })
  }

  const running = run()
  return {
    state: () => state,
    async stop() {
      stopping.abort()
      await running
    },
  }
}

interface Handling {
  readonly signal: AbortSignal
  handled(outcome: 'answered' | 'dead', error?: string): void
}

async function handle(
  parts: ConsumerParts,
  link: QueueLink,
  message: QueueMessage,
  { signal, handled }: Handling,
): Promise<void> {
  const { deployment, name } = parts.route
  const { id } = message
  // Without an instant of its own it is the same until the day is over.
  const at = message.at ?? Math.floor(Date.now() / dayMs) * dayMs
  const idOf = (row: number): string => givenId(at, JSON.stringify([deployment, name, id, row]))
  while (id !== undefined) {
    try {
      const { body } = await parts.answer(message.body, idOf)
      const headers = { 'trainyard-message-id': id, 'trainyard-prediction-id': idOf(0) }
      await link.send('output', { id: idOf(0), body: Buffer.from(body), headers })
      handled('answered')
      return await message.done()
    } catch (error) {
      const { status, message: reason } = refusalOf(error)
      if (!later.includes(status)) return bury(link, message, { id, reason, handled })
      if (signal.aborted) return message.release()
      await sleep(busyPauseMs, undefined, { signal }).catch(() => {})
    }
  }
  await bury(link, message, { id: '', reason: 'The message has no id: RabbitMQ needs a message_id.', handled })
}

/** What the deployment says of a message. What it has not said is a failure of the broker, and is thrown on. */
function refusalOf(error: unknown): ReturnType<typeof problemOf> {
  if (error instanceof Error && error.name === 'RequestError') return problemOf(error)
  throw error
}

async function bury(
  link: QueueLink,
  message: QueueMessage,
  { id, reason, handled }: { id: string; reason: string; handled: Handling['handled'] },
): Promise<void> {
  const headers = { 'trainyard-message-id': id, 'trainyard-reason': reason }
  await link.send('deadLetter', { id: id || givenId(0, message.body.toString('latin1')), body: message.body, headers })
  handled('dead', reason)
  await message.done()
}

/** Drivers may put the whole address into what they say. */
function withoutPassword({ broker }: QueueRoute, error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  const password = URL.canParse(broker) ? new URL(broker).password : ''
  return password === '' ? text : text.replaceAll(password, '***').replaceAll(decodeURIComponent(password), '***')
}
