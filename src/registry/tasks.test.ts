import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { manualClock } from '#kernel/clock.ts'
import { canonicalJson } from '#kernel/json.ts'
import type { Projects } from '#project'
import { createDuckdb, createOutbox, fsBlobs, outboxMigrations } from '#storage'
import { testEngines } from '#storage/testing.ts'
import type { TaskCall } from '#workflow'
import { logisticOnnx } from './logistic-onnx.ts'
import { requireEvaluated } from './model-version.ts'
import { createOnnx } from './onnx.ts'
import { createProductionRule } from './production.ts'
import { createRegistry } from './registry.ts'
import { sqlModelStore } from './store.sql.ts'
import { registryMigrations } from './tables.ts'
import { registryTasks } from './tasks.ts'

const [sqlite] = testEngines()

const revision = {
  id: 'prv_1',
  code: 'c'.repeat(64),
  commit: 'abc',
  spec: {
    objective: { task: 'binary_classification' },
    models: { rain: { gate: { metric: 'brier', threshold: 0.2, notWorseThanChampion: true, margin: 0 } } },
    pipelines: {
      training: {
        tasks: {
          train: { environment: { node: 'package-lock.json' } },
          register: { inputs: { model: 'train.model' } },
        },
      },
    },
  },
}

// One process of each for all tests of this file: they keep nothing from one call to the next.
const [onnx, duckdb] = [createOnnx(), createDuckdb({ threads: 1 })]
after(() => {
  onnx.stop()
  duckdb.stop()
})

async function open(t: TestContext) {
  const db = await sqlite!.open(t, [...outboxMigrations, ...registryMigrations])
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-'))
  const [clock, blobs, store] = [manualClock(1_000), fsBlobs(folder), sqlModelStore(db)]
  t.after(() => rm(folder, { recursive: true }))
  const outbox = createOutbox({ db, clock, owner: 'test', warn: () => {} })
  const ledger = { record: async () => {}, link: async () => {}, linkFirst: async () => {} }
  const projects = {
    find: async () => revision,
    current: async () => revision,
    revision: async () => revision,
    file: async () => ({ digest: 'd'.repeat(64), text: '' }),
  } as unknown as Projects
  const registry = createRegistry({
    db,
    store,
    outbox,
    ledger,
    production: createProductionRule(projects),
    blobs,
    onnx,
    clock,
  })
  const workflow = { task: async () => ({ attempts: [{ tracking: 'trk_1' }, {}] }) as never }
  const tasks = registryTasks({ db, store, registry, ledger, projects, blobs, duckdb, onnx, clock, workflow })

  const model = (await blobs.put(logisticOnnx({ weights: { wind: 4 }, intercept: 0 }))).digest
  const weak = (await blobs.put(logisticOnnx({ weights: { wind: 0.01 }, intercept: 0 }))).digest
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 2 === 0 ? 1 : -1},${i % 2 === 0 ? 1 : 0}`)
  const testSet = (await blobs.put(`wind,label\n${rows.join('\n')}`)).digest
  const call = (task: string, inputs: TaskCall['inputs'], key = `run_1/${task}`) =>
    ({
      run: { id: 'run_1', project: 'rain', pipeline: 'training', revision: 'prv_1' },
      task,
      taskId: `tsk_${task}`,
      params: { model: 'rain' },
      inputs,
      key,
      log: () => {},
      metric: () => {},
      signal: new AbortController().signal,
    }) as unknown as TaskCall
  const evaluate = async (digest: string, key = digest) =>
    (await tasks['registry.evaluate'](
      call('evaluate', { model: { digest } as never, test: { digest: testSet, ref: 'trs_1' } }, key),
    )) as unknown as {
      outputs: { evaluation: { digest: string; ref: string; value: { gate: { passed: boolean } } } }
      metrics: Record<string, number>
    }
  const register = (digest: string, evaluation: object) =>
    tasks['registry.register'](call('register', { model: { digest } as never, evaluation }, `register ${digest}`))
  return { registry, blobs, evaluate, register, model, weak }
}

test('evaluate and register make a version with all that it was made from', async t => {
  const { registry, evaluate, register, model, blobs } = await open(t)

  const { outputs, metrics } = await evaluate(model)
  const answer = await register(model, outputs.evaluation)

  const [version] = (await registry.versions('rain', 'rain', { limit: 1 })).items
  const { id, evaluation, signature, transitions: _, ...rest } = requireEvaluated(version!)
  assert.deepEqual(rest, {
    project: 'rain',
    model: 'rain',
    fullName: 'rain.rain',
    version: 1,
    stage: 'staging',
    content: 'onnx',
    flavor: 'onnx',
    source: `mlflow-artifacts:/model-versions/${id}`,
    description: '',
    tags: {},
    aliases: [],
    user: 'trainyard',
    updatedAt: 1_000,
    digest: model,
    bytes: (await blobs.find(model as never))!.size,
    trainingSet: 'trs_1',
    run: 'run_1',
    code: revision.code,
    commit: 'abc',
    environment: `package-lock.json ${'d'.repeat(64)}`,
    trackingRun: 'trk_1',
    createdAt: 1_000,
  })
  assert.deepEqual([evaluation, signature.inputs.length, evaluation.metrics], [outputs.evaluation.value, 1, metrics])
  assert.deepEqual(answer, { outputs: { version: { ref: id, digest: model, size: rest.bytes, value: 1 } }, metrics })
  assert.equal(JSON.parse((await blobs.bytes(outputs.evaluation.digest as never)).toString()).model, 'rain')
})

test('a version that fails its gate is recorded, and its task fails for good', async t => {
  const { registry, evaluate, register, weak } = await open(t)
  const { outputs } = await evaluate(weak)

  for (let attempt = 1; attempt <= 2; attempt++) {
    await assert.rejects(register(weak, outputs.evaluation), {
      code: 'gate_failed',
      message: /Version 1 of rain did not pass its gate. threshold: brier 0.24\d*, required: brier at most 0.2/,
    })
  }

  assert.deepEqual(
    (await registry.versions('rain', 'rain', { limit: 9 })).items.map(({ version, stage }) => [version, stage]),
    [[1, 'rejected']],
  )
})

test('a second try of an evaluation answers the first one', async t => {
  const { evaluate, model } = await open(t)

  assert.deepEqual(await evaluate(model), await evaluate(model))
})

test('the champion is judged with the challenger', async t => {
  const { registry, evaluate, register, model, weak } = await open(t)
  const first = await evaluate(model)
  await register(model, first.outputs.evaluation)
  const [{ id }] = (await registry.versions('rain', 'rain', { limit: 1 })).items as unknown as [{ id: string }]
  await registry.transition(id, { to: 'production', actor: 'ada', reason: 'first' })

  const { outputs } = await evaluate(weak)

  const { champion, gate } = outputs.evaluation.value as never as {
    champion: { version: string }
    gate: { rules: { rule: string; passed: boolean }[] }
  }
  assert.deepEqual(
    [champion.version, gate.rules.filter(({ passed }) => !passed).map(({ rule }) => rule)],
    [id, ['threshold', 'not worse than the champion']],
  )
})

test('an evaluation that the platform did not make, or that is of another model, registers nothing', async t => {
  const { registry, evaluate, register, model, weak, blobs } = await open(t)
  const { outputs } = await evaluate(model)
  const forged = await blobs.put(canonicalJson({ model: 'rain', digest: weak, evaluation: { gate: { passed: true } } }))

  await assert.rejects(register(weak, forged), {
    code: 'invalid',
    message: /evaluation: the output `evaluation` of a task that uses registry.evaluate/,
  })
  await assert.rejects(register(weak, outputs.evaluation), { code: 'invalid', message: /an evaluation of rain/ })
  assert.deepEqual((await registry.versions('rain', 'rain', { limit: 9 })).items, [])
})

test('a model that is not ONNX fails the evaluation by name', async t => {
  const { evaluate, blobs } = await open(t)
  const { digest } = await blobs.put('pickled')

  await assert.rejects(evaluate(digest), {
    code: 'invalid',
    message: new RegExp(`rain \\(${digest.slice(0, 12)}\\) is not a model`),
  })
})
