import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { fileHooks, inputs, makeBundle, openBench, sigmoid, type Bench } from '../testing.ts'
import { bindTensors } from './bind.ts'
import { classified } from './classification.ts'
import { bindJson, readJson } from './json-body.ts'
import { readOip } from './oip-rest.ts'
import { bytesOf, tensorOf } from './tensor-bytes.ts'

const hooks = fileHooks()
let opening: Promise<Bench> | undefined
const bench = (): Promise<Bench> =>
  (opening ??= (async () => {
    const made = await openBench(hooks)
    await made.deploy(await makeBundle(made.blobs))
    return made
  })())

/** A request with both inputs in bytes. */
function binary(change: object = {}, tail = Buffer.from(new Float32Array([2, 0, 1, 0]).buffer)) {
  const head = Buffer.from(
    JSON.stringify({
      inputs: ['wind', 'rain'].map(name => ({
        name,
        shape: [2, 1],
        datatype: 'FP32',
        parameters: { binary_data_size: 8 },
      })),
      ...change,
    }),
  )
  return {
    body: Buffer.concat([head, tail]),
    headers: { 'inference-header-content-length': String(head.length) },
  }
}

test('tensors of bytes stand behind the JSON, in the order of the inputs', async () => {
  const { infer } = await bench()
  const { body, headers } = binary()

  const answer = await infer(body, { headers })

  assert.deepEqual(answer.body.outputs[0], {
    name: 'probability',
    datatype: 'FP32',
    shape: [2, 1],
    data: [sigmoid(1), sigmoid(0)].map(Math.fround),
  })
})

test('what is announced and what is sent must agree, to the byte', async () => {
  const { infer } = await bench()
  const whole = binary()
  const refused: [{ body: Buffer; headers: Record<string, string> }, RegExp][] = [
    [binary({}, Buffer.alloc(12)), /^Input rain: 8 bytes are announced, 4 are left behind the JSON\.$/],
    [binary({}, Buffer.alloc(17)), /^1 bytes behind the JSON belong to no input/],
    [{ ...whole, headers: { 'inference-header-content-length': '99999' } }, /Inference-Header-Content-Length: "99999"/],
    [{ ...whole, headers: { 'inference-header-content-length': '-1' } }, /Inference-Header-Content-Length: "-1"/],
    [{ ...whole, headers: { 'inference-header-content-length': '12' } }, /^The body is not JSON/],
    [{ ...whole, headers: {} }, /^The body is not JSON/],
    [
      { ...whole, headers: { 'inference-header-content-length': '0' } },
      /^A raw request is for models with one input; /,
    ],
  ]

  for (const [{ body, headers }, sentence] of refused) {
    const answer = await infer(body, { headers })
    assert.match(answer.body.error ?? JSON.stringify(answer.body), sentence)
    assert.equal(answer.status, 400)
  }
})

test('a compressed body is read, whichever way; one that grows out of measure is refused', async () => {
  const { infer } = await bench()
  const { body, headers } = binary()
  const ask = async (bytes: Buffer, encoding: string) => {
    const { status, body: answer } = await infer(bytes, { headers: { ...headers, 'content-encoding': encoding } })
    return [status, answer.error ?? answer.outputs[0]!.data.length]
  }

  assert.deepEqual(await ask(gzipSync(body), 'gzip'), [200, 2])
  assert.deepEqual(await ask(deflateSync(body), 'deflate'), [200, 2])
  assert.deepEqual(await ask(deflateRawSync(body), 'deflate'), [400, 'The body is no deflate: incorrect header check.'])
  const bomb = gzipSync(Buffer.alloc(80_000_000))
  assert.deepEqual(await ask(bomb, 'gzip'), [
    413,
    `The body, ${bomb.length} bytes of gzip, becomes more than ${bomb.length * 100}.`,
  ])
})

test('a long answer is compressed for who asks for it', async () => {
  const { serving } = await bench()
  const rows = Array.from({ length: 200 }, (_, i) => [i, 0] as const)
  const ask = async (encoding: string) => {
    const answer = await fetch(`${serving.url()}/v2/models/rain/infer`, {
      method: 'POST',
      headers: { 'accept-encoding': encoding },
      body: JSON.stringify(inputs(...rows)),
    })
    const { outputs } = (await answer.json()) as { outputs: { data: unknown[] }[] }
    return [answer.headers.get('content-encoding'), outputs[0]!.data.length]
  }

  assert.deepEqual(await ask('gzip, deflate'), ['gzip', 200])
  assert.deepEqual(await ask('gzip;q=0, deflate'), ['deflate', 200])
  assert.deepEqual(await ask('br'), [null, 200])
})

test('every datatype survives the way to bytes and back', () => {
  const values: Record<string, readonly unknown[]> = {
    BOOL: [1, 0],
    INT8: [-128, 127],
    INT16: [-32_768, 32_767],
    INT32: [-(2 ** 31), 2 ** 31 - 1],
    INT64: [-(2n ** 63n), 2n ** 63n - 1n],
    UINT8: [0, 255],
    UINT16: [0, 65_535],
    UINT32: [0, 2 ** 32 - 1],
    UINT64: [0n, 2n ** 64n - 1n],
    FP16: [0.5, -65_504],
    FP32: [Math.fround(0.1), -3.4028234663852886e38],
    FP64: [0.1, Number.MIN_VALUE],
    BYTES: ['', 'wörter'],
  }
  for (const [datatype, given] of Object.entries(values)) {
    const tensor = tensorOf({ name: 'x', datatype, shape: [2] }, bytesOf(datatype, given))
    assert.deepEqual(Array.from(tensor.data), given, datatype)
  }
  const half = tensorOf({ name: 'x', datatype: 'BF16', shape: [2] }, Buffer.from([0x80, 0x3f, 0x00, 0xc0]))
  assert.deepEqual(Array.from(half.data), [1, -2])
})

test('bytes that are no texts are refused', () => {
  const read = (bytes: number[], shape: number[]) =>
    tensorOf({ name: 'x', datatype: 'BYTES', shape }, Buffer.from(bytes))

  assert.throws(() => read([9, 0, 0, 0, 65], [1]), /Input x, row 1: the text is longer than the bytes that are left/)
  assert.throws(() => read([1, 0], [1]), /row 1: the text is longer/)
  assert.throws(() => read([0, 0, 0, 0, 0, 0, 0, 0], [1]), /more than 1 texts, the shape expects 1/)
  assert.throws(() => read([], [1]), /0 texts, the shape expects 1/)
})

const count = { inputs: [{ name: 'n', datatype: 'INT64', shape: [-1, 1] }], outputs: [] }
const bound = (data: string) =>
  bindJson(readJson(Buffer.from(`{"data":${data},"text":"NaN Infinity \\" NaN"}`), 'An object'), ({ data: given }) =>
    bindTensors({ signature: count }, [{ name: 'n', datatype: 'INT64', shape: [1], data: given as unknown[] }]),
  ).columns[0]![0]

test('integers of 64 bits keep all their digits', () => {
  assert.equal(bound('[7]'), 7)
  assert.equal(bound('[9007199254740993]'), 9007199254740993n)
  assert.equal(bound('[-9223372036854775808]'), -(2n ** 63n))
  assert.throws(
    () => bound('[9223372036854775808]'),
    /Input n, row 1: 9223372036854775808 is not a whole number of 64 b/,
  )
  assert.throws(() => bound('[1.5]'), /1\.5 is not a whole number/)
  assert.throws(() => bound('[NaN]'), /NaN is not a whole number/)
})

test('a raw body is the data of the only input', () => {
  const { content } = readOip({
    headers: { 'inference-header-content-length': '0' },
    body: Buffer.from(new BigInt64Array([4n, 5n]).buffer),
  })
  assert.deepEqual(content({ signature: count } as unknown as Parameters<typeof content>[0]).columns, [[4, 5]])
})

test('classes are told best first, and there are no more than there are', () => {
  const output = { name: 'p', datatype: 'FP32', width: 3, values: [0.25, 0.5, 0.25, 1, 0, 0] }

  assert.deepEqual(classified(output, 2).values, ['0.5:1', '0.25:0', '1:0', '0:1'])
  assert.equal(classified(output, 9).width, 3)
})

test('a number that is none of the datatype that it is declared with is refused, and so are parameters that are none', async () => {
  const { infer } = await bench()
  const rain = { name: 'rain', shape: [1], datatype: 'FP32', data: [0] }
  const said = async (wind: object, more: object = {}) => {
    const { status, body } = await infer({ inputs: [{ name: 'wind', shape: [1], data: [2], ...wind }, rain], ...more })
    return body.error ?? status
  }

  assert.deepEqual(
    [
      await said({ datatype: 'UINT8', data: [255] }),
      await said({ datatype: 'UINT8', data: [300] }),
      await said({ datatype: 'UINT64', data: [-1] }),
      await said({ datatype: 'INT32', data: [1.5] }),
      await said({ datatype: 'FP32', parameters: 'x' }),
      await said({ datatype: 'FP32' }, { outputs: [{ name: 'probability', parameters: [] }] }),
    ],
    [
      200,
      'Input wind, row 1: 300 is no UINT8, as it is declared.',
      'Input wind, row 1: -1 is no UINT64, as it is declared.',
      'Input wind, row 1: 1.5 is no INT32, as it is declared.',
      'Input "wind": "parameters" must be an object, not "x".',
      'Output "probability": "parameters" must be an object, not [].',
    ],
  )
})

test('a byte order mark before a body is passed over', async () => {
  const { infer } = await bench()
  assert.equal((await infer(`\ufeff${JSON.stringify(inputs([0, 0]))}`)).status, 200)
})
