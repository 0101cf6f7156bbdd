import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { Reply } from '../call.ts'
import { badRequest, turnedAway } from '../request-error.ts'
import { startConsumer, type Consumer } from './consumer.ts'
import type { OpenLink, QueueRoute } from './queue.ts'

/** What arrives at the other side, as the clients of the broker see it. */
export interface Arrived {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** A real broker: how its other clients put messages in and take what comes out. */
export interface TestBroker {
  readonly name: string
  readonly open: OpenLink
  readonly url: string
  /** Makes the queues of a route; removed when the test is over. Undefined when no broker is there. */
  prepare(t: TestContext, id: string): Promise<TestQueue | undefined>
}

export interface TestQueue {
  readonly route: Pick<QueueRoute, 'input' | 'output' | 'deadLetter'>
  put(body: string, id: string): Promise<void>
  /** All that has arrived there so far. */
  arrived(place: 'output' | 'deadLetter'): Promise<readonly Arrived[]>
}

const redeliverMs = 300

export function queueContract(broker: TestBroker): void {
  const stage = async (t: TestContext) => {
    const id = randomBytes(6).toString('hex')
    const queue = await broker.prepare(t, id)
    if (!queue) {
      t.diagnostic(`NOT TESTED: no ${broker.name} answers at ${broker.url}.`)
      t.skip(`no ${broker.name} at ${broker.url}`)
      return undefined
    }
    const route: QueueRoute = { deployment: 'rain', name: id, broker: broker.url, inFlight: 4, ...queue.route }
    const ids: string[] = []
    const start = (answer: (text: string) => Promise<string>): Consumer => {
      const consumer = startConsumer({
        route,
        open: broker.open,
        redeliverMs,
        observe: () => {},
        async answer(body, idOf): Promise<Reply> {
          ids.push(`${body.toString()} ${idOf(0)}`)
          return { status: 200, body: await answer(body.toString()) }
        },
      })
      t.after(() => consumer.stop())
      return consumer
    }
    return { queue, route, ids, start }
  }

  test(`${broker.name}: messages are answered, those before the start too, and what they ask is counted`, async t => {
    const staged = await stage(t)
    if (!staged) return
    const { queue, start } = staged
    await queue.put('1', 'm1')
    const consumer = start(async text => `answer ${text}`)
    for (const n of [2, 3, 4, 5, 6]) await queue.put(String(n), `m${n}`)
    await until(async () => (await queue.arrived('output')).length === 6)

    const found = (await queue.arrived('output')).toSorted((a, b) => a.body.localeCompare(b.body))
    assert.deepEqual(
      found.map(({ body }) => body),
      ['1', '2', '3', '4', '5', '6'].map(n => `answer ${n}`),
    )
    for (const { headers } of found) assert.match(headers['trainyard-prediction-id']!, /^prd_[0-9a-f-]{36}$/)
    assert.deepEqual({ ...consumer.state(), lag: 0 }, { state: 'running', answered: 6, dead: 0, lag: 0 })
  })

  test(`${broker.name}: what was not done with is delivered again, and has the same prediction`, async t => {
    const staged = await stage(t)
    if (!staged) return
    const { queue, route, ids, start } = staged
    await queue.put('7', 'm7')
    // A process that took it, and ended.
    const link = await broker.open(route, redeliverMs)
    await until(async () => (await link.receive(1)).length === 1)
    await link.close()

    let failures = 1
    start(async text => {
      if (failures-- > 0) throw turnedAway('queue', 'Too much to do.', 1)
      return text
    })
    await until(async () => (await queue.arrived('output')).length === 1)
    assert.deepEqual([ids.length >= 2, new Set(ids).size], [true, 1])
  })

  test(`${broker.name}: several take their part of a queue; one ends in the middle, and no message is lost`, async t => {
    const staged = await stage(t)
    if (!staged) return
    const { queue, route, start } = staged
    const messages = 60
    const first = start(async text => text)
    start(async text => text)
    for (let n = 0; n < messages / 2; n++) await queue.put(String(n), `s${n}`)
    // A process that took some, and ended.
    const link = await broker.open(route, redeliverMs)
    for (let n = messages / 2; n < messages; n++) await queue.put(String(n), `s${n}`)
    await link.receive(4)
    await link.close()
    const answered = async (count: number): Promise<void> =>
      until(async () => new Set((await queue.arrived('output')).map(({ body }) => body)).size === count)
    await answered(messages)
    // Not before: of a group that two leave in the same second Tansu 0.6 makes no group again.
    await first.stop()
    await queue.put(String(messages), `s${messages}`)
    await answered(messages + 1)

    const predictions = new Map<string, Set<string>>()
    for (const { body, headers } of await queue.arrived('output'))
      predictions.set(body, (predictions.get(body) ?? new Set()).add(headers['trainyard-prediction-id']!))
    assert.deepEqual(
      [...predictions.values()].filter(ids => ids.size > 1),
      [],
      'what is answered twice has one prediction id',
    )
    assert.equal(new Set([...predictions.values()].flatMap(ids => [...ids])).size, messages + 1)
    assert.deepEqual(await queue.arrived('deadLetter'), [])
  })

  test(`${broker.name}: what cannot be answered is a dead letter with the reason, and holds up nothing`, async t => {
    const staged = await stage(t)
    if (!staged) return
    const { queue, start } = staged
    const consumer = start(async text => {
      if (text === 'bad') throw badRequest('Input wind, row 1: "é\n" is no number.')
      return text
    })
    await queue.put('bad', 'm8')
    await queue.put('good', 'm9')
    await until(
      async () => (await queue.arrived('output')).length === 1 && (await queue.arrived('deadLetter')).length === 1,
    )

    const [dead] = await queue.arrived('deadLetter')
    assert.deepEqual([dead!.body, dead!.headers['trainyard-reason']!.startsWith('Input wind, row 1: "')], ['bad', true])
    const { answered, dead: buried, error } = consumer.state()
    assert.deepEqual([answered, buried, error], [1, 1, 'Input wind, row 1: "é\n" is no number.'])
  })

  test(`${broker.name}: who stops answers what it has, and leaves the rest`, async t => {
    const staged = await stage(t)
    if (!staged) return
    const { queue, ids, start } = staged
    let release = (): void => {}
    const held = new Promise<void>(resolve => (release = resolve))
    const consumer = start(async text => {
      await held
      return text
    })
    await queue.put('10', 'm10')
    await until(async () => ids.length === 1)
    const stopped = consumer.stop()
    await queue.put('11', 'm11')
    release()
    await stopped
    assert.deepEqual(
      [(await queue.arrived('output')).map(({ body }) => body), consumer.state().state],
      [['10'], 'stopped'],
    )
    start(async text => text)
    await until(async () => (await queue.arrived('output')).length >= 2)
    assert.deepEqual(
      (await queue.arrived('output')).map(({ body }) => body),
      ['10', '11'],
    )
  })

  test(`${broker.name}: a broker that is not there is tried again, and its password is not told`, async t => {
    if (!(await stage(t))) return
    const url = new URL(broker.url)
    const route = { input: 'a', output: 'b', deadLetter: 'c', deployment: 'rain', name: 'q', inFlight: 1 }
    const gone = `${url.protocol}//me:s3cretword@127.0.0.1:9`
    const consumer = startConsumer({
      route: { ...route, broker: gone },
      open: broker.open,
      answer: async () => ({ status: 200, body: '' }),
      observe: () => {},
    })
    t.after(() => consumer.stop())
    await until(async () => consumer.state().state === 'away')
    assert.doesNotMatch(String(consumer.state().error), /s3cretword/)
  })
}

/** Groups of Kafka's consumers take some seconds to settle whenever one comes or goes. */
const patienceMs = 30_000

export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not happen in 30 s.')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
