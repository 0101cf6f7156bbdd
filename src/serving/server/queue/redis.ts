import { randomUUID } from 'node:crypto'
import { createClient, RESP_TYPES } from '@redis/client'
import { consumerName, type OpenLink, type QueueMessage, type Sent } from './queue.ts'

const [waitMs, connectMs] = [1_000, 5_000]
/** The field of an entry that has the request. */
const bodyField = 'body'

type Entry = { readonly id: string; readonly message: Readonly<Record<string, Buffer>> }

/** Redis streams: a consumer group of the stream `input`; the request is the field `body` of an entry. */
export const openRedis: OpenLink = async (route, redeliverMs) => {
  const client = createClient({
    url: route.broker,
    socket: { reconnectStrategy: false, connectTimeout: connectMs },
  }).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  let lost: Error | undefined
  client.on('error', (error: Error) => void (lost ??= error))
  await client.connect()
  // A read that waits keeps the connection to itself.
  const reader = client.duplicate()
  reader.on('error', (error: Error) => void (lost ??= error))
  await reader.connect()
  const [group, consumer] = [consumerName(route), randomUUID()]
  const { input } = route
  await client.xGroupCreate(input, group, '0', { MKSTREAM: true }).catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })

  const messageOf = ({ id, message }: Entry): QueueMessage => ({
    id: `${input}:${id}`,
    at: Number(id.split('-')[0]),
    body: message[bodyField] ?? Buffer.alloc(0),
    done: async () => void (await client.xAck(input, group, id)),
    // Idle for so long that the next who looks takes it.
    release: async () => void (await client.xClaim(input, group, consumer, 0, id, { IDLE: 86_400_000 })),
  })

  return {
    async receive(max) {
      if (lost) throw lost
      const left = await client.xAutoClaim(input, group, consumer, redeliverMs, '0', { COUNT: max })
      const again = (left.messages as unknown as readonly (Entry | null)[]).filter(entry => entry !== null)
      if (again.length > 0) return again.map(readEntry).map(messageOf)
      const found = await reader.xReadGroup(group, consumer, { key: input, id: '>' }, { COUNT: max, BLOCK: waitMs })
      const [stream] = (found ?? []) as unknown as readonly { messages: readonly Entry[] }[]
      return (stream?.messages ?? []).map(readEntry).map(messageOf)
    },
    async send(to, { id, body, headers }: Sent) {
      await client.xAdd(route[to], '*', { [bodyField]: body, id, ...headers })
    },
    async lag() {
      const groups = await client.xInfoGroups(input)
      const own = groups.find(({ name }) => String(name) === group)
      return Number(own?.lag ?? 0) + Number(own?.pending ?? 0)
    },
    async close() {
      reader.destroy()
      client.destroy()
    },
  }
}

const readEntry = ({ id, message }: Entry): Entry => ({ id: String(id), message })
