import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { digestOf } from '#kernel/digest.ts'
import { makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'
import { readMethods } from './grpc/messages.ts'

const methods = readMethods()
const methodOf = (name: string) => methods.find(method => method.name === name)!

/** One unary call; answers the message, or status and sentence. */
function ask(client: Client, name: string, { bytes, token }: { bytes: Uint8Array; token?: string }) {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  const asIs = (value: Buffer): Buffer => value
  return new Promise<Buffer | [number, string, ...string[]]>(resolve =>
    client.makeUnaryRequest(methodOf(name).path, asIs, asIs, Buffer.from(bytes), metadata, (error, answer) =>
      resolve(
        error ? [error.code!, error.details, ...error.metadata.get('grpc-retry-pushback-ms').map(String)] : answer!,
      ),
    ),
  )
}

async function connect(t: TestContext, bench: Bench): Promise<Client> {
  const client = new Client(await bench.grpcAddress(), credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  })
  t.after(() => client.close())
  return client
}

const text = (field: number, value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes])
}
const float = (value: number): Buffer => Buffer.from(new Float32Array([value]).buffer)
const input = (name: string): Buffer =>
  text(5, Buffer.concat([text(1, name), text(2, 'FP32'), Buffer.from([3 << 3, 1, 3 << 3, 1])]))

/** A ModelInferRequest for rain: wind 2, rain 1. */
const request = (...more: readonly Buffer[]): Buffer =>
  Buffer.concat([text(1, 'rain'), input('wind'), input('rain'), text(7, float(2)), text(7, float(1)), ...more])

test('gRPC asks for the same tokens, counts the same, and writes the same log', async t => {
  const keys = [
    { hash: digestOf('shop'), name: 'shop', reads: [], asks: 'all' as const, deployments: ['rain'] },
    { hash: digestOf('viewer'), name: 'viewer', reads: 'all' as const, asks: [] },
  ]
  const bench = await openBench(t, { host: '0.0.0.0', keys: async () => keys, doors: { grpcPort: 0 } })
  await bench.deploy(await makeBundle(bench.blobs))
  const client = await connect(t, bench)
  const empty = new Uint8Array()

  assert.deepEqual(await ask(client, 'ServerReady', { bytes: empty }), Buffer.from([8, 1]))
  assert.deepEqual(await ask(client, 'Check', { bytes: empty }), Buffer.from([8, 1]))
  assert.deepEqual(await ask(client, 'ModelInfer', { bytes: request() }), [
    16,
    'Who asks? Send a token as `Authorization: Bearer <token>`.',
  ])
  assert.deepEqual(
    [
      await ask(client, 'ServerMetadata', { bytes: empty, token: 'stranger' }),
      await ask(client, 'ModelInfer', { bytes: request(), token: 'viewer' }),
      await ask(client, 'RepositoryModelUnload', { bytes: text(2, 'rain'), token: 'shop' }),
    ].map(([code]) => code),
    [16, 7, 7],
  )
  const answer = (await ask(client, 'ModelInfer', { bytes: request(), token: 'shop' })) as Buffer
  assert.ok(answer.includes(float(sigmoid(1))))

  await bench.serving.collect()
  const { items } = await bench.serving.predictions({ deployment: 'rain', limit: 9 })
  assert.deepEqual(
    items.map(({ features }) => features),
    [{ wind: 2, rain: 1 }],
  )
  const metrics = (await bench.get('/metrics', { authorization: 'Bearer viewer' })).text
  assert.match(metrics, /requests_total\{deployment="rain",revision="rev_[^"]+",code="200",protocol="grpc"\} 1/)
})

test('bytes that are no message, or would become too much, are refused in words', async t => {
  const bench = await openBench(t, { doors: { grpcPort: 0 } })
  await bench.deploy(await makeBundle(bench.blobs))
  const client = await connect(t, bench)
  const infer = (bytes: Uint8Array) => ask(client, 'ModelInfer', { bytes })
  const many = (count: number, piece: readonly number[]): Buffer =>
    Buffer.concat([text(1, 'rain'), Buffer.alloc(count * piece.length, Buffer.from(piece))])

  assert.deepEqual(await infer(Buffer.from([10, 200])), [3, 'The bytes are no ModelInferRequest.'])
  assert.deepEqual(await infer(many(200_000, [(5 << 3) | 2, 0])), [
    3,
    'The request holds too much: 100000 messages are allowed.',
  ])
  assert.deepEqual(await infer(many(2_000_000, [(7 << 3) | 2, 0])), [
    3,
    'The request holds too much: 16000000 values are allowed.',
  ])
  assert.match(String(await infer(request(text(7, float(1))))), /raw_input_contents has 3 members for 2 inputs/)
  assert.match(String(await infer(Buffer.concat([text(1, 'rain'), input('wind')]))), /Input "wind" has no contents/)
  const [tooLarge] = (await infer(Buffer.alloc(65 * 1024 * 1024))) as [number, string]
  assert.equal(tooLarge, 8)
  assert.ok((await infer(request())) instanceof Buffer)
  await bench.declare({ limits: { clientRate: 0.5 } })
  assert.ok((await infer(request())) instanceof Buffer)
  assert.deepEqual(await infer(request()), [8, 'rain takes 0.5 requests a second from each client.', '2000'])
  assert.deepEqual(bench.warnings, [])
})

test('the port of gRPC goes from one process to the next, with no call lost', async t => {
  const bench = await openBench(t, { doors: { grpcPort: 0 } })
  await bench.deploy(await makeBundle(bench.blobs))
  const before = await bench.grpcAddress()
  const client = await connect(t, bench)
  let isOver = false
  const failed: unknown[] = []
  const calls = (async () => {
    let count = 0
    for (; !isOver; count++) {
      const answer = await ask(client, 'ModelInfer', { bytes: request() })
      if (!(answer instanceof Buffer)) failed.push(answer)
    }
    return count
  })()

  await bench.serving.restartServing()
  isOver = true

  assert.ok((await calls) > 10)
  assert.deepEqual([failed, await bench.grpcAddress()], [[], before])
  const other = await connect(t, bench)
  assert.ok((await ask(other, 'ModelInfer', { bytes: request() })) instanceof Buffer)
})
