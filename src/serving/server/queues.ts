import { beginCourse } from './infer.ts'
import { QueuesFile, queuesFile, schemeOf, type QueueRoute } from '../queues-file.ts'
import type { QueueStatus } from '../wire.ts'
import { readJsonFile } from '../routes-file.ts'
import { readInvocation } from './invocations.ts'
import type { Metrics } from './metrics.ts'
import { readOip } from './oip-rest.ts'
import type { Predictor } from './predictor.ts'
import { startConsumer, type Consumer } from './queue/consumer.ts'
import type { OpenLink } from './queue/queue.ts'

/** The queues that this server answers, as the control plane has written them down. */
export interface Queues {
  /** Begins to answer; until then nothing is taken from any broker. */
  open(): Promise<void>
  /** Reads the file again: what has changed is begun anew, the rest goes on. */
  reload(): Promise<void>
  status(): readonly QueueStatus[]
  stop(): Promise<void>
}

export interface QueuesParts {
  readonly folder: string
  readonly predict: Predictor
  readonly metrics: Pick<Metrics, 'queue'>
}

interface Running {
  readonly route: QueueRoute
  readonly consumer: Consumer
}

export function createQueues({ folder, predict, metrics }: QueuesParts): Queues {
  let running = new Map<string, Running>()
  let isOpen = false

  const start = (route: QueueRoute): Running => ({
    route,
    consumer: startConsumer({
      route,
      open: async (...args) => (await linkFor(route.broker))(...args),
      answer: (body, idOf) =>
        predict({
          protocol: 'queue',
          caller: queueCaller(route),
          deployment: route.deployment,
          revision: undefined,
          course: beginCourse(),
          idOf,
          header: () => undefined,
          wait: () => undefined,
          read: () => readers[route.format]({ headers: { 'content-type': 'application/json' }, body }),
        }),
      observe: outcome => metrics.queue(route, outcome),
    }),
  })

  async function follow(): Promise<void> {
    if (!isOpen) return
    const { queues = [] } = (await readJsonFile(queuesFile(folder), QueuesFile)) ?? {}
    const wanted = new Map(queues.map(route => [JSON.stringify(route), route]))
    const ended = [...running].filter(([key]) => !wanted.has(key))
    for (const [key] of ended) running.delete(key)
    await Promise.all(ended.map(([, { consumer }]) => consumer.stop()))
    running = new Map([...wanted].map(([key, route]) => [key, running.get(key) ?? start(route)]))
  }

  return {
    async open() {
      isOpen = true
      await follow()
    },
    reload: follow,
    status: () =>
      [...running.values()].map(({ route, consumer }) => {
        const { deployment, name, input, output, deadLetter, broker } = route
        return { deployment, name, broker: schemeOf(broker), input, output, deadLetter, ...consumer.state() }
      }),
    async stop() {
      isOpen = false
      await Promise.all([...running.values()].map(({ consumer }) => consumer.stop()))
    },
  }
}

const readers = { invocations: readInvocation, v2: readOip } as const

/** Who put a message into the queue was let in by its broker. */
const queueCaller = ({ deployment, name }: QueueRoute) => ({
  name: `queue ${name}`,
  client: `queue ${deployment} ${name}`,
  reads: () => true,
  asks: () => true,
  manages: () => false,
  readsAll: false,
  isKeeper: false,
})

/** A broker's client is loaded when there is one to speak to. Throws for an address of another kind. */
async function linkFor(broker: string): Promise<OpenLink> {
  const scheme = schemeOf(broker)
  if (scheme === 'nats' || scheme === 'tls') return (await import('./queue/nats.ts')).openNats
  if (scheme === 'amqp' || scheme === 'amqps') return (await import('./queue/rabbitmq.ts')).openRabbitMq
  if (scheme === 'redis' || scheme === 'rediss') return (await import('./queue/redis.ts')).openRedis
  if (scheme === 'kafka' || scheme === 'kafkas') return (await import('./queue/kafka.ts')).openKafka
  throw new Error(
    `A broker's address begins with nats:, tls:, amqp:, amqps:, redis:, rediss:, kafka: or kafkas:, not with ${scheme.slice(0, 20)}:`,
  )
}
