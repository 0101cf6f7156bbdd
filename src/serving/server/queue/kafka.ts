import { setTimeout as elapse } from 'node:timers/promises'
import { Consumer, Producer, type Message } from '@platformatic/kafka'
import { consumerName, headerText, type OpenLink, type QueueMessage, type Sent } from './queue.ts'

const [waitMs, connectMs, heartbeatMs, retryMs] = [1_000, 5_000, 1_000, 300]
/** Brokers take no less, unless they are told to. */
const silenceMsMin = 6_000

/**
 * Kafka: all three are topics. What is done with is an offset of the partition, below which all is: a message that takes long
 * holds it back, and after an end those behind it come again.
 */
export const openKafka: OpenLink = async (route, redeliverMs) => {
  const options = {
    ...connectionOf(route.broker),
    clientId: 'trainyard',
    connectTimeout: connectMs,
    retries: 4,
    retryDelay: () => retryMs,
  }
  // After so long without a word a process is taken for one that has ended.
  const silenceMs = Math.max(silenceMsMin, redeliverMs)
  const consumer = new Consumer({
    ...options,
    groupId: consumerName(route),
    sessionTimeout: silenceMs,
    rebalanceTimeout: silenceMs,
    heartbeatInterval: heartbeatMs,
    autocommit: false,
  })
  const producer = new Producer({ ...options, acks: -1, autocreateTopics: true })
  let lost: Error | undefined
  const lose = (error: unknown): void => void (lost ??= error instanceof Error ? error : new Error(String(error)))
  // What nobody hears ends the process: who comes back to its group too late, or in vain.
  consumer.on('error', lose)
  producer.on('error', lose)
  consumer.on('consumer:heartbeat:error', ({ error }) => lose(error))
  consumer.on('consumer:heartbeat:stalled', ({ lastError }) => lose(lastError ?? 'The group is not heard of any more.'))
  const close = async (): Promise<void> => {
    await consumer.close(true).catch(() => {})
    await producer.close().catch(() => {})
  }
  try {
    const stream = await consumer.consume({
      topics: [route.input],
      mode: 'committed',
      fallbackMode: 'earliest',
      highWaterMark: route.inFlight,
      maxWaitTime: waitMs,
    })
    stream.on('error', lose)
    const progress = createProgress()
    const inbox = createInbox(stream, () => lost)
    return {
      async receive(max) {
        return (await inbox.take(max)).map(message => ({
          id: `${message.topic}:${message.partition}:${message.offset}`,
          at: Number(message.timestamp),
          body: message.value,
          ...progress.begun(message, offset =>
            consumer.commit({
              offsets: [{ topic: message.topic, partition: message.partition, offset, leaderEpoch: -1 }],
            }),
          ),
        }))
      },
      send: (to, message) => send(producer, route[to], message),
      async lag() {
        const lags = (await consumer.getLag({ topics: [route.input] })).get(route.input) ?? []
        // Partitions that are other consumers' are below 0.
        return Number(lags.reduce((sum, lag) => (lag > 0n ? sum + lag : sum), 0n))
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** By the header of its id, whoever reads a topic knows what stands there twice. */
async function send(producer: Producer, topic: string, { id, body, headers }: Sent): Promise<void> {
  const given = Object.entries(headers).map(
    ([key, value]) => [Buffer.from(key), Buffer.from(headerText(value))] as const,
  )
  await producer.send({ messages: [{ topic, key: Buffer.from(id), value: body, headers: new Map(given) }], acks: -1 })
}

/** How far each partition is done with. */
function createProgress() {
  /** Offsets that have begun, in their order. */
  const open = new Map<number, Set<bigint>>()
  const seen = new Map<number, bigint>()
  return {
    begun(
      { partition, offset }: Message,
      commit: (upTo: bigint) => Promise<void>,
    ): Pick<QueueMessage, 'done' | 'release'> {
      const own = open.get(partition) ?? new Set()
      open.set(partition, own.add(offset))
      seen.set(partition, offset)
      return {
        async done() {
          own.delete(offset)
          const [next = seen.get(partition)! + 1n] = own
          if (next > offset) await commit(next)
        },
        // What is not done with comes again to whoever reads next.
        release: async () => {},
      }
    },
  }
}

/** Messages as they come: those that are there, or the next one within a second. */
function createInbox(stream: AsyncIterable<Message>, lost: () => Error | undefined) {
  const messages = stream[Symbol.asyncIterator]()
  let asked: Promise<IteratorResult<Message>> | undefined
  const next = async (ms: number): Promise<Message | undefined> => {
    asked ??= messages.next()
    asked.catch(() => {})
    const found = await Promise.race([asked, elapse(ms, undefined, { ref: false })])
    const error = lost()
    if (error) throw error
    if (!found) return undefined
    asked = undefined
    if (found.done) throw new Error('Kafka has closed the stream of messages.')
    return found.value
  }
  return {
    async take(max: number): Promise<readonly Message[]> {
      const taken: Message[] = []
      for (let message = await next(waitMs); message; message = taken.length < max ? await next(0) : undefined)
        taken.push(message)
      return taken
    },
  }
}

/** `kafka://user:password@host:port`, `kafkas:` over TLS; `?sasl=SCRAM-SHA-256` or another mechanism than PLAIN. */
function connectionOf(url: string) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(url)
  const [user, secret] = [username, password].map(decodeURIComponent)
  const mechanism = searchParams.get('sasl') ?? 'PLAIN'
  return {
    bootstrapBrokers: [`${hostname}:${port || 9_092}`],
    ...(protocol === 'kafkas:' && { tls: { servername: hostname } }),
    ...(user && { sasl: { mechanism: mechanism as 'PLAIN', username: user, password: secret! } }),
  }
}
