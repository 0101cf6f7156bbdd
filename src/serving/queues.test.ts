import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createClient } from '@redis/client'
import { makeBundle, openBench } from './testing.ts'

const url = 'redis://127.0.0.1:6379'

/** The whole way with one broker; queue.contract.ts has all of them. */
test('a declared queue is answered by the model server, each message once in the log, and it says how it is', async t => {
  const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 2_000 } })
  client.on('error', () => {})
  if (!(await client.connect().catch(() => undefined))) return t.skip(`NOT TESTED: no Redis answers at ${url}.`)
  const id = randomBytes(6).toString('hex')
  const [input, output, deadLetter] = [`in-${id}`, `out-${id}`, `out-${id}.dead`]
  t.after(async () => {
    await client.del([input, output, deadLetter])
    client.destroy()
  })
  const bench = await openBench(t)
  await bench.deploy(await makeBundle(bench.blobs))
  bench.secrets['broker.url'] = url
  await bench.declare({
    queues: { orders: { broker: { secret: 'broker.url' }, input, output, format: 'invocations', inFlight: 4 } },
  })
  const put = (body: unknown) => client.xAdd(input, '*', { body: JSON.stringify(body) })

  await put({
    dataframe_records: [
      { wind: 1, rain: 1 },
      { wind: 2, rain: 1 },
    ],
  })
  await put({ dataframe_records: [{ wind: 'much', rain: 1 }] })
  const deadline = Date.now() + 20_000
  while ((await client.xLen(output)) < 1 || (await client.xLen(deadLetter)) < 1) {
    assert.ok(Date.now() < deadline, JSON.stringify(await bench.serving.queues('rain')))
    await new Promise(resolve => setTimeout(resolve, 20))
  }

  const [answer] = (await client.xRange(output, '-', '+')) ?? []
  const { predictions, prediction_ids: ids } = JSON.parse(answer!.message['body']!) as {
    predictions: number[]
    prediction_ids: string[]
  }
  assert.deepEqual(predictions, [0.5, Math.fround(1 / (1 + Math.exp(-1)))])
  assert.equal(answer!.message['trainyard-prediction-id'], ids[0])
  const [dead] = (await client.xRange(deadLetter, '-', '+')) ?? []
  const reason = 'Input wind, row 1: "much" is not a finite number of 32 bits; missing values are not accepted.'
  assert.equal(dead!.message['trainyard-reason'], reason)

  // As after a crash between the answer and its acknowledgement.
  await client.xGroupDestroy(input, `trainyard-rain-orders`)
  await bench.declare({})
  await bench.declare({
    queues: { orders: { broker: { secret: 'broker.url' }, input, output, format: 'invocations', inFlight: 4 } },
  })
  while ((await client.xLen(output)) < 2) await new Promise(resolve => setTimeout(resolve, 20))
  await bench.serving.collect()
  assert.deepEqual((await bench.serving.predictionsById(ids)).length, 2)
  assert.equal((await bench.serving.predictions({ deployment: 'rain', limit: 10 })).items.length, 2)

  const [{ lag: _, answered, ...state } = { lag: 0, answered: 0 }] = await bench.serving.queues('rain')
  const names = { deployment: 'rain', name: 'orders', broker: 'redis', input, output, deadLetter }
  assert.ok(answered >= 1)
  assert.deepEqual({ ...state, dead: 1 }, { ...names, state: 'running', dead: 1, error: reason })
  assert.match((await bench.get('/metrics')).text, /trainyard_serving_queue_up\{deployment="rain",queue="orders"\} 1/)
})
