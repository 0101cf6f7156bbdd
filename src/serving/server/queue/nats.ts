import { AckPolicy, jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream'
import { connect, headers, millis, nanos } from '@nats-io/transport-node'
import { consumerName, headerText, type OpenLink, type QueueMessage, type Sent } from './queue.ts'

const [waitMs, connectMs] = [1_000, 5_000]

/** NATS JetStream: `input` is a stream, `output` and `deadLetter` are subjects that some stream keeps. */
export const openNats: OpenLink = async (route, redeliverMs) => {
  const connection = await connect({ ...addressOf(route.broker), reconnect: false, timeout: connectMs })
  try {
    const manager = await jetstreamManager(connection)
    const name = consumerName(route)
    for (const subject of [route.output, route.deadLetter])
      await manager.streams.find(subject).catch(() => {
        throw new Error(`No stream of NATS keeps the subject ${subject}.`)
      })
    await manager.consumers.add(route.input, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(redeliverMs),
      max_ack_pending: 10_000,
    })
    const stream = jetstream(connection)
    const consumer = await stream.consumers.get(route.input, name)
    return {
      async receive(max) {
        const messages: QueueMessage[] = []
        const first = await consumer.next({ expires: waitMs })
        if (!first) return messages
        messages.push(messageOf(first))
        if (max === 1) return messages
        const { num_pending: waiting } = await consumer.info()
        if (waiting === 0) return messages
        const rest = await consumer.fetch({ max_messages: Math.min(max - 1, waiting), expires: waitMs })
        for await (const message of rest) messages.push(messageOf(message))
        return messages
      },
      async send(to, { id, body, headers: given }: Sent) {
        const named = headers()
        for (const [key, value] of Object.entries(given)) named.set(key, headerText(value))
        await stream.publish(route[to], body, { msgID: `${to}-${id}`, headers: named })
      },
      async lag() {
        const { num_pending: waiting, num_ack_pending: begun } = await consumer.info()
        return waiting + begun
      },
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

const messageOf = (message: JsMsg): QueueMessage => ({
  id: message.headers?.get('Nats-Msg-Id') || `${message.info.stream}:${message.info.streamSequence}`,
  at: millis(message.info.timestampNanos),
  body: Buffer.from(message.data),
  done: async () => void (await message.ackAck()),
  release: async () => message.nak(),
})

function addressOf(url: string): { servers: string; user?: string; pass?: string; token?: string } {
  const { protocol, host, username, password } = new URL(url)
  const servers = `${protocol}//${host}`
  const [user, pass] = [username, password].map(decodeURIComponent)
  if (!user) return { servers }
  return pass ? { servers, user, pass } : { servers, token: user }
}
