import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { logisticOnnx, type LogisticSpec } from './logistic-onnx.ts'
import { createOnnx, type Onnx } from './onnx.ts'
import { requireServable, scoreOutput } from './signature.ts'

const spec: LogisticSpec = { weights: { wind: 0.5, rain: -1 }, intercept: 0.25 }
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const expected = [sigmoid(0.5 * 2 - 1 + 0.25), sigmoid(0.25)]
const columns = { wind: Float64Array.of(2, 0), rain: Float64Array.of(1, 0) }

async function open(
  t: TestContext,
  ...models: readonly Uint8Array[]
): Promise<{ onnx: Onnx; files: { path: string; name: string }[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  const onnx = createOnnx()
  t.after(async () => {
    onnx.stop()
    await rm(folder, { recursive: true })
  })
  const files = models.map((_, i) => ({ path: join(folder, `${i}.onnx`), name: `rain ${i}` }))
  for (const [i, bytes] of models.entries()) await writeFile(files[i]!.path, bytes)
  return { onnx, files }
}

const isClose = (t: TestContext, actual: ArrayLike<number | string>, wanted: readonly number[]): void => {
  assert.equal(actual.length, wanted.length)
  wanted.forEach((value, i) => assert.ok(Math.abs(Number(actual[i]) - value) < 1e-6, `${actual[i]} is not ${value}`))
}

test('a model says what it takes and gives', async t => {
  const { onnx, files } = await open(t, logisticOnnx(spec))

  const signature = await onnx.inspect(files[0]!)

  assert.deepEqual(signature, {
    inputs: [
      { name: 'wind', datatype: 'FP32', shape: [-1, 1] },
      { name: 'rain', datatype: 'FP32', shape: [-1, 1] },
    ],
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  })
  assert.doesNotThrow(() => requireServable('rain', signature))
})

test('rows are scored whatever the element type and the shape of the inputs', async t => {
  const variants: Partial<LogisticSpec>[] = [{}, { flat: true }, { input: 'float64' }, { input: 'int64' }]
  const { onnx, files } = await open(
    t,
    ...variants.map(variant => logisticOnnx({ ...spec, ...variant })),
    logisticOnnx({ ...spec, input: 'bool' }),
  )

  for (const file of files.slice(0, 4))
    isClose(t, (await onnx.score(file, 2, columns))['probability']!.values, expected)
  const truths = { wind: Float64Array.of(1, 0), rain: Float64Array.of(1, 0) }
  isClose(t, (await onnx.score(files[4]!, 2, truths))['probability']!.values, [sigmoid(-0.25), sigmoid(0.25)])
})

test('the answer of two columns is the second, and of a regression the first real output', async t => {
  const { onnx, files } = await open(
    t,
    logisticOnnx({ ...spec, output: 'two_columns' }),
    logisticOnnx({ ...spec, output: 'prediction' }),
  )

  const signatures = [await onnx.inspect(files[0]!), await onnx.inspect(files[1]!)]
  const { width, values } = (await onnx.score(files[0]!, 2, columns))['probabilities']!

  assert.deepEqual(signatures.map(scoreOutput), [
    { output: 'probabilities', column: 1, key: 'probabilities.1' },
    { output: 'prediction', column: 0, key: 'prediction' },
  ])
  assert.equal(width, 2)
  isClose(t, values, [1 - expected[0]!, expected[0]!, 1 - expected[1]!, expected[1]!])
})

test('a file that is not ONNX is refused by its name, and the process lives on', async t => {
  const { onnx, files } = await open(t, new TextEncoder().encode('not a model'), new Uint8Array(), logisticOnnx(spec))

  await assert.rejects(onnx.inspect(files[0]!), {
    code: 'invalid',
    message: /rain 0 is not a model.*\n.*an ONNX file/,
  })
  await assert.rejects(onnx.inspect(files[1]!), { code: 'invalid', message: /rain 1/ })
  assert.equal((await onnx.inspect(files[2]!)).inputs.length, 2)
})

test('more rows than one run takes come back in order', async t => {
  const { onnx, files } = await open(t, logisticOnnx(spec))
  const rows = 10_001

  const { values } = (
    await onnx.score(files[0]!, rows, {
      wind: Float64Array.from({ length: rows }, (_, i) => i / rows),
      rain: new Float64Array(rows),
    })
  )['probability']!

  isClose(
    t,
    [values[0]!, values[4_096]!, values[rows - 1]!],
    [sigmoid(0.25), sigmoid(0.25 + (0.5 * 4_096) / rows), sigmoid(0.25 + 0.5 - 0.5 / rows)],
  )
})

test('cancelling ends the work, and the next call begins anew', async t => {
  const { onnx, files } = await open(t, logisticOnnx(spec))
  await onnx.inspect(files[0]!)
  const abort = new AbortController()

  const cancelled = onnx.score(
    files[0]!,
    1_000_000,
    { wind: new Float64Array(1_000_000), rain: new Float64Array(1_000_000) },
    abort.signal,
  )
  abort.abort()

  await assert.rejects(cancelled, { code: 'unavailable' })
  assert.equal((await onnx.inspect(files[0]!)).inputs.length, 2)
})

test('what cannot be served is refused with advice', () => {
  const outputs = [{ name: 'p', datatype: 'FP32', shape: [-1, 1] }]
  const refusal = (change: object): RegExp[] => {
    try {
      requireServable('rain', { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }], outputs, ...change })
      return []
    } catch (error) {
      return (error as Error).message
        .split('\n')
        .slice(1)
        .map(line => new RegExp(line))
    }
  }

  assert.match(
    String(refusal({ inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 20] }] })),
    /input x = \[-1,20\]: shape \[-1,1\] or \[-1\]/,
  )
  assert.match(String(refusal({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1] }] })), /input x = \[1,1\]/)
  assert.match(String(refusal({ inputs: [{ name: 'x', datatype: 'FP16', shape: [-1] }] })), /FP32, FP64, INT64/)
  assert.match(
    String(refusal({ outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }] })),
    /an output of type FP32 or FP64/,
  )
})
