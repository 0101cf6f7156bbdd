import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib'
import { headerText, type OpenLink, type QueueMessage, type Sent } from './queue.ts'

const [waitMs, connectMs] = [1_000, 5_000]

/** RabbitMQ: all three are queues, durable ones when they have to be made. A message needs a `message_id`. */
export const openRabbitMq: OpenLink = async route => {
  const connection = await connect(route.broker, { timeout: connectMs })
  let lost: Error | undefined
  const lose = (error?: Error): void => void (lost ??= error ?? new Error('RabbitMQ has closed the connection.'))
  connection.on('error', lose).on('close', () => lose())
  try {
    for (const queue of [route.input, route.output, route.deadLetter]) await ensureQueue(connection, queue)
    const channel = await connection.createConfirmChannel()
    channel.on('error', lose).on('close', () => lose())
    await channel.prefetch(route.inFlight)
    const inbox = createInbox(() => lost)
    await channel.consume(route.input, message => {
      if (message) inbox.put(messageOf(channel, message))
      else lose(new Error(`RabbitMQ has deleted the queue ${route.input}.`))
    })
    return {
      receive: max => inbox.take(max),
      send: (to, message) => publish(channel, route[to], message),
      lag: async () => (await channel.checkQueue(route.input)).messageCount + inbox.begun(),
      async close() {
        // In this order, or what is done with is delivered again.
        await channel.close().catch(() => {})
        await connection.close()
      },
    }
  } catch (error) {
    await connection.close().catch(() => {})
    throw error
  }
}

/** A channel ends with the question for a queue that is not there. */
async function ensureQueue(connection: ChannelModel, queue: string): Promise<void> {
  const asking = await connection.createChannel()
  asking.on('error', () => {})
  const isThere = await asking.checkQueue(queue).then(
    () => true,
    () => false,
  )
  if (isThere) return asking.close()
  const making = await connection.createChannel()
  await making.assertQueue(queue, { durable: true })
  await making.close()
}

/** What the broker has brought and nobody has taken yet. */
function createInbox(lost: () => Error | undefined) {
  const waiting: QueueMessage[] = []
  let begun = 0
  let wake = (): void => {}
  const counted = (message: QueueMessage): QueueMessage => {
    begun++
    const ended = async (end: () => Promise<void>): Promise<void> => {
      await end()
      begun--
    }
    return { ...message, done: () => ended(message.done), release: () => ended(message.release) }
  }
  return {
    begun: () => begun,
    put(message: QueueMessage): void {
      waiting.push(counted(message))
      wake()
    },
    async take(max: number): Promise<readonly QueueMessage[]> {
      if (waiting.length === 0)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, waitMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      const error = lost()
      if (error) throw error
      return waiting.splice(0, max)
    },
  }
}

function messageOf(channel: ConfirmChannel, message: ConsumeMessage): QueueMessage {
  const { messageId, timestamp } = message.properties as { messageId?: string; timestamp?: number }
  return {
    id: messageId,
    at: typeof timestamp === 'number' ? timestamp * 1_000 : undefined,
    body: message.content,
    done: async () => channel.ack(message),
    release: async () => channel.nack(message, false, true),
  }
}

const publish = (channel: ConfirmChannel, queue: string, { id, body, headers }: Sent): Promise<void> =>
  new Promise((resolve, reject) => {
    const named = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, headerText(value)]))
    const options = { messageId: id, persistent: true, headers: named, contentType: 'application/json' }
    channel.publish('', queue, body, options, error => (error ? reject(error as Error) : resolve()))
  })
