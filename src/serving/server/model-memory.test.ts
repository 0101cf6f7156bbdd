import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { inputs, makeBundle, openBench } from '../testing.ts'
import { createBatcher } from './batcher.ts'
import { createModelMemory } from './model-memory.ts'
import type { Runtime } from './runtime.ts'

/** A model of 100 bytes that answers how often it has been opened; `gate` holds the next opening. */
function model() {
  let opened = 0
  const state = { isOpen: false, gate: Promise.resolve(), fault: '' }
  return {
    state,
    open: async (): Promise<Runtime> => {
      await state.gate
      if (state.fault !== '') throw new Error(state.fault)
      const count = ++opened
      state.isOpen = true
      return {
        rowsPerRun: 4,
        rowsWaitingMax: 6,
        memoryBytes: 100,
        run: async batch => batch.map(() => [{ name: 'opened', datatype: 'FP64', width: 1, values: [count] }]),
        release: async () => void (state.isOpen = false),
      }
    },
  }
}

async function holdThree(budgetBytes: number) {
  const models = [model(), model(), model()]
  let time = 0
  const memory = createModelMemory({ budgetBytes, idleMs: 0 }, () => ++time)
  const runtimes: Runtime[] = []
  for (const { open } of models) runtimes.push(await memory.hold(open))
  const batchers = runtimes.map(createBatcher)
  const ask = async (at: number): Promise<unknown> => (await batchers[at]!.run(1, [[1]]))[0]!.values[0]
  return { models, memory, runtimes, ask, open: () => models.map(({ state }) => state.isOpen) }
}

test('beyond the budget those leave that nobody asked for longest, and come back when they are asked', async () => {
  const { memory, runtimes, ask, open } = await holdThree(250)

  assert.deepEqual(open(), [false, true, true])
  assert.deepEqual([await ask(1), await ask(0)], [1, 2])
  assert.deepEqual(open(), [true, true, false])
  assert.deepEqual(await ask(2), 2)
  assert.deepEqual(open(), [true, false, true])
  assert.deepEqual(
    runtimes.map(({ memoryBytes }) => memoryBytes),
    [100, 0, 100],
  )
  assert.deepEqual(memory.tally, { idle: 0, room: 3, woken: 2 })
})

test('requests that come while a model is brought back wait for it, and it is brought back once', async () => {
  const { models, ask } = await holdThree(250)
  const gate = Promise.withResolvers<void>()
  models[0]!.state.gate = gate.promise

  const answers = [ask(0), ask(0), ask(0)]
  let isAnswered = false
  void answers[0]!.then(() => (isAnswered = true))
  assert.deepEqual([await ask(2), isAnswered], [1, false])
  gate.resolve()

  assert.deepEqual(await Promise.all(answers), [2, 2, 2])
})

test('a model that cannot be brought back says why, and is tried again by the next request', async () => {
  const { models, ask } = await holdThree(250)
  models[0]!.state.fault = 'its file is gone'

  await assert.rejects(ask(0), {
    name: 'ModelFault',
    code: 'unavailable',
    message: 'The model cannot be loaded again: its file is gone',
  })
  models[0]!.state.fault = ''

  assert.equal(await ask(0), 2)
})

test('a model larger than the budget answers, alone', async () => {
  const { ask, open } = await holdThree(50)

  assert.deepEqual([await ask(0), open()], [2, [true, false, false]])
})

async function memoryOf(t: TestContext, memory: { idleMs?: number; budgetBytes?: number }) {
  const bench = await openBench(t, { memory })
  await bench.deploy(await makeBundle(bench.blobs))
  await bench.at('other').deploy(await makeBundle(bench.blobs, { change: { number: 2 } }))
  const sizes = async (): Promise<number[]> => {
    const { text } = await bench.get('/v2/models/stats')
    const { model_stats } = JSON.parse(text) as { model_stats: { memory_usage: { byte_size: number }[] }[] }
    return model_stats.map(({ memory_usage }) => memory_usage[0]!.byte_size)
  }
  const until = async (isMet: (sizes: number[]) => boolean): Promise<void> => {
    while (!isMet(await sizes())) await new Promise(resolve => setTimeout(resolve, 20))
  }
  return { ...bench, until }
}

test('a model server sends away what nobody asks, and answers with it again', async t => {
  const { infer, get, until } = await memoryOf(t, { idleMs: 100 })

  await until(sizes => sizes.every(size => size === 0))
  const { status, body } = await infer(inputs([2, 0]))

  assert.deepEqual([status, body.outputs[0]!.name], [200, 'probability'])
  assert.equal((await get('/v2/models/rain/ready')).status, 200)
  const { text } = await get('/metrics')
  assert.match(text, /trainyard_serving_models_rested_total\{reason="idle"\} [1-9]/)
  assert.match(text, /trainyard_serving_models_woken_total\{reason="request"\} [1-9]/)
})

test('a model server keeps to its budget', async t => {
  const { infer, at, until } = await memoryOf(t, { budgetBytes: 1 })

  for (const other of [false, true, false]) {
    const { status } = await (other ? at('other').infer : infer)(inputs([2, 0]))
    assert.equal(status, 200)
    await until(sizes => sizes.filter(size => size > 0).length === 1)
  }
})
