import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { logisticOnnx } from '#registry'
import { workers } from '../testing.ts'
import { threadsRest } from './onnx-thread.ts'
import { placedOnnx, type PlacedModel, type PlacedOnnxParts } from './placed-onnx.ts'
import type { Place, Placement } from './placement.ts'
import { runtimeContract, windSignature, windWeights } from './runtime.contract.ts'
import type { ModelFault, Runtime } from './runtime.ts'
import { endless, modelFile, turns, turnsOnnx, turnsSignature } from './testing-onnx.ts'

const placements: readonly Place[] = ['inline', 'thread', 'process']

test('a process whose memory is bounded answers', async t => {
  const { folder, order } = await modelFile(t, turnsOnnx, turnsSignature)
  const limits = { ...workers, memoryBytes: 1024 ** 2 }
  const parts = { order, folder, workers: limits, moved: () => {}, warn: () => {} }
  const runtime = await opened(t, placedOnnx(parts, { place: 'process', rowMs: undefined, why: '' }))
  assert.deepEqual(await valuesOf(runtime, 1), [1])
})

async function placed(
  t: Pick<TestContext, 'after'>,
  place: Place,
  { bytes = turnsOnnx, signature = turnsSignature, ...options }: Options = {},
): Promise<PlacedModel> {
  const { folder, order } = await modelFile(t, bytes, signature)
  const parts = { order, folder, workers, firstPauseMs: 10, moved: () => {}, warn: () => {}, ...options }
  return placedOnnx(parts, { place, rowMs: undefined, why: 'the test wants it' })
}

interface Options extends Partial<Pick<PlacedOnnxParts, 'runMsMax' | 'moved' | 'warn'>> {
  readonly bytes?: Uint8Array
  readonly signature?: typeof turnsSignature
}

async function opened(t: Pick<TestContext, 'after'>, model: PlacedModel): Promise<Runtime> {
  const runtime = await model.open()
  t.after(() => runtime.release())
  return runtime
}

for (const place of placements)
  runtimeContract(`onnx ${place}`, {
    open: async t => {
      const bytes = logisticOnnx({ weights: windWeights, intercept: 0 })
      return (await placed(t, place, { bytes, signature: windSignature })).open()
    },
    openBroken: async t => (await placed(t, place, { bytes: Buffer.from('no model') })).open(),
  })

for (const place of placements)
  test(`onnx ${place}: it says what memory it takes, none once it is released, and can be opened again`, async t => {
    const model = await placed(t, place)
    const runtime = await model.open()

    assert.ok(runtime.memoryBytes >= turnsOnnx.length)
    await runtime.release()
    const again = await opened(t, model)
    assert.deepEqual(await valuesOf(again, 3), [3])
  })

async function valuesOf(runtime: Runtime, count: number): Promise<unknown> {
  const [outputs] = await runtime.run([turns(count)])
  return outputs![0]!.values
}

const apart: readonly Place[] = ['thread', 'process']
for (const place of apart)
  test(`onnx ${place}: while it computes, a model beside it answers`, async t => {
    const slow = await opened(t, await placed(t, place))
    const fast = await opened(t, await placed(t, 'inline'))
    const answered: string[] = []
    const slowAnswer = slow.run([turns(200_000)]).then(() => answered.push('slow'))

    for (let asked = 0; asked < 10; asked++) await valuesOf(fast, 1).then(() => answered.push('fast'))
    await slowAnswer

    assert.deepEqual(answered, [...Array.from({ length: 10 }, () => 'fast'), 'slow'])
  })

test('a run that does not end is ended with its process, and the next process answers', async t => {
  const warnings: string[] = []
  const model = await placed(t, 'process', { runMsMax: 500, warn: sentence => void warnings.push(sentence) })
  const runtime = await opened(t, model)

  await assert.rejects(
    runtime.run([turns(endless)]),
    (error: ModelFault) =>
      error.code === 'deadline_exceeded' && error.message === 'The model has not answered within 0.5 s.',
  )
  assert.deepEqual(await eventually(runtime), [2])
  assert.match(warnings[0]!, /^A model's worker was ended by SIGKILL/)
})

test('a run whose process is killed is told so, and the next process answers', async t => {
  const runtime = await opened(t, await placed(t, 'process'))
  const killed = runtime.run([turns(endless)])
  // Heard here, so that nobody says that nobody does.
  const heard = assert.rejects(
    killed,
    (error: ModelFault) =>
      error.code === 'model_failed' && error.message.startsWith(`The model's worker was ended by SIGKILL`),
  )

  for (const pid of await onnxProcesses()) process.kill(pid, 'SIGKILL')

  await heard
  assert.deepEqual(await eventually(runtime), [2])
})

/** The processes for models that this one has started. */
async function onnxProcesses(): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,args=', '--ppid', `${process.pid}`])
  return stdout
    .split('\n')
    .filter(line => line.includes('onnx-main'))
    .map(line => Number.parseInt(line, 10))
}

/** On a busy machine the next worker takes longer to start than a request waits here. */
async function eventually(runtime: Runtime): Promise<unknown> {
  let answer: unknown
  while (answer === undefined) answer = await valuesOf(runtime, 2).catch(() => undefined)
  return answer
}

test('a thread that does not answer in time is given up for a process, which answers', async t => {
  const moves: Placement[] = []
  t.after(threadsRest)
  const model = await placed(t, 'thread', { runMsMax: 100, moved: placement => void moves.push(placement) })
  const runtime = await opened(t, model)

  await assert.rejects(runtime.run([turns(1_000_000)]), (error: ModelFault) => error.code === 'deadline_exceeded')
  assert.deepEqual(await eventually(runtime), [2])
  assert.deepEqual(
    [model.placement, moves],
    [
      { place: 'process', rowMs: undefined, why: 'its thread has ended, or has not answered in time' },
      [model.placement],
    ],
  )
})

for (const place of placements)
  test(`onnx ${place}: what a run throws is said, and it answers on`, async t => {
    const other = { ...windSignature, inputs: windSignature.inputs.map(input => ({ ...input, datatype: 'FP64' })) }
    const bytes = logisticOnnx({ weights: windWeights, intercept: 0 })
    const runtime = await opened(t, await placed(t, place, { bytes, signature: other }))
    const ask = () => runtime.run([{ rows: 1, columns: [[1], [0]] }])

    await assert.rejects(ask, /Unexpected input data type/)
    await assert.rejects(ask, /Unexpected input data type/)
  })
