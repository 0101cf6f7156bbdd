import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectNats, headers as natsHeaders } from '@nats-io/transport-node'
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { createClient } from '@redis/client'
import { connect as connectRabbitMq } from 'amqplib'
import { openKafka } from './kafka.ts'
import { openNats } from './nats.ts'
import { queueContract, until, type Arrived, type TestBroker } from './queue.contract.ts'
import { openRabbitMq } from './rabbitmq.ts'
import { openRedis } from './redis.ts'

const natsUrl = 'nats://127.0.0.1:4222'
const nats: TestBroker = {
  name: 'NATS',
  open: openNats,
  url: natsUrl,
  async prepare(t, id) {
    const connection = await connectNats({ servers: natsUrl, timeout: 2_000, reconnect: false }).catch(() => undefined)
    if (!connection) return undefined
    const manager = await jetstreamManager(connection)
    const route = { input: `in-${id}`, output: `out.${id}`, deadLetter: `dead.${id}` }
    const streams = { [route.input]: `in.${id}`, [`out-${id}`]: route.output, [`dead-${id}`]: route.deadLetter }
    for (const [name, subject] of Object.entries(streams)) await manager.streams.add({ name, subjects: [subject] })
    t.after(async () => {
      for (const name of Object.keys(streams)) await manager.streams.delete(name)
      await connection.close()
    })
    return {
      route,
      async put(body, messageId) {
        await jetstream(connection).publish(`in.${id}`, body, { msgID: messageId })
      },
      async arrived(place) {
        const stream = place === 'output' ? `out-${id}` : `dead-${id}`
        const { state } = await manager.streams.info(stream)
        const found: Arrived[] = []
        for (let seq = 1; seq <= state.last_seq; seq++) {
          const message = await manager.streams.getMessage(stream, { seq })
          const given = message?.header ?? natsHeaders()
          found.push({
            body: message!.string(),
            headers: Object.fromEntries(given.keys().map(key => [key, given.get(key)])),
          })
        }
        return found
      },
    }
  },
}

const rabbitUrl = 'amqp://guest:guest@127.0.0.1:5672'
const rabbitMq: TestBroker = {
  name: 'RabbitMQ',
  open: openRabbitMq,
  url: rabbitUrl,
  async prepare(t, id) {
    const connection = await connectRabbitMq(rabbitUrl, { timeout: 2_000 }).catch(() => undefined)
    if (!connection) return undefined
    const channel = await connection.createConfirmChannel()
    const route = { input: `in-${id}`, output: `out-${id}`, deadLetter: `dead-${id}` }
    for (const queue of Object.values(route)) await channel.assertQueue(queue, { durable: true })
    const found: Record<'output' | 'deadLetter', Arrived[]> = { output: [], deadLetter: [] }
    for (const place of ['output', 'deadLetter'] as const)
      await channel.consume(
        route[place],
        message => {
          if (message)
            found[place].push({
              body: message.content.toString(),
              headers: message.properties.headers as Record<string, string>,
            })
        },
        { noAck: true },
      )
    t.after(async () => {
      for (const queue of Object.values(route)) await channel.deleteQueue(queue)
      await connection.close()
    })
    return {
      route,
      put: (body, messageId) =>
        new Promise((resolve, reject) => {
          const options = { messageId, timestamp: 1_764_000_000 }
          channel.publish('', route.input, Buffer.from(body), options, error =>
            error ? reject(error as Error) : resolve(),
          )
        }),
      arrived: async place => found[place],
    }
  },
}

const redisUrl = 'redis://127.0.0.1:6379'
const redis: TestBroker = {
  name: 'Redis',
  open: openRedis,
  url: redisUrl,
  async prepare(t, id) {
    const client = createClient({ url: redisUrl, socket: { reconnectStrategy: false, connectTimeout: 2_000 } })
    client.on('error', () => {})
    if (!(await client.connect().catch(() => undefined))) return undefined
    const route = { input: `in-${id}`, output: `out-${id}`, deadLetter: `dead-${id}` }
    t.after(async () => {
      await client.del(Object.values(route))
      client.destroy()
    })
    return {
      route,
      async put(body) {
        await client.xAdd(route.input, '*', { body })
      },
      async arrived(place) {
        const entries = await client.xRange(route[place], '-', '+')
        return (entries ?? []).map(({ message: { body = '', ...headers } }) => ({ body, headers }))
      },
    }
  },
}

const kafkaUrl = 'kafka://127.0.0.1:9092'
const kafka: TestBroker = {
  name: 'Kafka',
  open: openKafka,
  url: kafkaUrl,
  async prepare(t, id) {
    const client = { clientId: 'test', bootstrapBrokers: ['127.0.0.1:9092'], retries: false, connectTimeout: 2_000 }
    const admin = new Admin(client)
    const route = { input: `in-${id}`, output: `out-${id}`, deadLetter: `dead-${id}` }
    const topics = Object.values(route)
    const isThere = await admin.createTopics({ topics, partitions: 3, replicas: 1 }).then(
      () => true,
      () => false,
    )
    if (!isThere) {
      await admin.close()
      return undefined
    }
    const producer = new Producer({ ...client, serializers: stringSerializers })
    const times = { sessionTimeout: 6_000, rebalanceTimeout: 6_000 }
    const consumer = new Consumer({ ...client, ...times, groupId: `test-${id}`, deserializers: stringDeserializers })
    const found: Record<'output' | 'deadLetter', Arrived[]> = { output: [], deadLetter: [] }
    const stream = await consumer.consume({ topics: [route.output, route.deadLetter], mode: 'earliest' })
    stream.on('data', ({ topic, value, headers }) =>
      found[topic === route.output ? 'output' : 'deadLetter'].push({
        body: value,
        headers: Object.fromEntries(headers),
      }),
    )
    t.after(async () => {
      await consumer.close(true)
      await producer.close()
      await admin.deleteTopics({ topics }).catch(() => {})
      await admin.close()
    })
    return {
      route,
      async put(body, key) {
        await producer.send({ messages: [{ topic: route.input, key, value: body }] })
      },
      async arrived(place) {
        const topic = route[place]
        const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? []
        const there = Number(ends.reduce((sum, end) => sum + end, 0n))
        await until(async () => found[place].length >= there)
        return found[place]
      },
    }
  },
}

for (const broker of [nats, rabbitMq, redis, kafka]) queueContract(broker)
