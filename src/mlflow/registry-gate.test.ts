import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#kernel/digest.ts'
import { conflict } from '#kernel/error.ts'
import { newId } from '#kernel/id.ts'
import { registryRoutes, type Registry } from '#registry'
import { testEngines } from '#storage/testing.ts'
import { testRegistry } from './registry-testing.ts'

const trained = (passed: boolean, model = 'umbrella'): Parameters<Registry['register']>[0] => ({
  key: newId('key'),
  project: 'rain',
  model,
  digest: digestOf(newId('x')),
  bytes: 10,
  signature: {
    inputs: [{ name: 'wind', datatype: 'FP32', shape: [-1, 1] }],
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
  },
  evaluation: {
    metric: 'brier',
    metrics: { brier: 0.2 },
    rows: 90,
    importance: {},
    gate: { passed, rules: [{ rule: 'threshold', measured: '0.2', required: '0.25', passed }] },
  },
  run: 'run_1',
})
const links = { evaluation: 'evl_1', task: 'tsk_1' }
const name = 'rain.umbrella'

for (const engine of testEngines()) {
  const open = (t: Parameters<typeof testRegistry>[0]) => testRegistry(t, engine)

  test(`${engine.name}: a version of the platform is a version for clients too, with stage, source and files`, async t => {
    const { call, registry } = await open(t)
    const { id } = await registry.register(trained(true), links)
    await registry.register(trained(false), links)

    const { model_version } = await call('GET model-versions/get', { name, version: '1' })
    const rejected = await call('GET model-versions/get', { name, version: '2' })
    const { artifact_uri } = await call('GET model-versions/get-download-uri', { name, version: '1' })

    assert.deepEqual(
      [model_version.name, model_version.current_stage, rejected.model_version.current_stage, artifact_uri],
      [name, 'Staging', 'None', `mlflow-artifacts:/model-versions/${id}`],
    )
    assert.equal(model_version.source, artifact_uri)
    assert.deepEqual(Object.keys(await registry.files(id)).toSorted(), [
      'MLmodel',
      'conda.yaml',
      'model.onnx',
      'python_env.yaml',
      'requirements.txt',
    ])
  })

  test(`${engine.name}: a version of a client is a version for the platform too, and is not served`, async t => {
    const { call, registry } = await open(t)
    await call('POST registered-models/create', { name })
    await call('POST model-versions/create', { name, source: 's3://b/m', tags: [{ key: 'a', value: 'b' }] })

    const { items } = await registry.versions('rain', 'umbrella', { limit: 9 })

    assert.deepEqual(
      items.map(({ version, stage, source, tags, fullName }) => [version, stage, source, tags, fullName]),
      [[1, 'candidate', 's3://b/m', { a: 'b' }, name]],
    )
    await assert.rejects(registry.evaluated(items[0]!.id), { code: 'conflict', message: /no evaluation/ })
    assert.equal(await registry.champion('rain', 'umbrella'), undefined)
  })

  test(`${engine.name}: around the gate there is no way to production, over any API`, async t => {
    const { app, call, registry, models } = await open(t)
    registryRoutes(app, { registry, registeredModels: models })
    await call('POST registered-models/create', { name })
    await call('POST registered-models/create', { name: 'rain.other' })
    await call('POST model-versions/create', { name, source: 's3://b/m' })
    const failed = await registry.register(trained(false), links)
    const native = async (method: 'POST' | 'PUT', url: string, payload: object) =>
      (await app.inject({ method, url: `/api/v1${url}`, payload })).statusCode

    for (const version of ['1', '2']) {
      for (const stage of ['Production', 'staging'])
        assert.match(
          await call('POST model-versions/transition-stage', { name, version, stage }),
          version === '1' ? /^400 .*has no evaluation, and this model has a gate/ : /^400 .*gate failed: threshold/,
        )
      for (const alias of ['champion', 'Production', 'prod', 'live'])
        assert.match(
          await call('POST registered-models/alias', { name, alias, version }),
          /^400 .*which stands for production/,
        )
    }
    assert.equal(
      await call('POST registered-models/alias', { name, alias: 'candidate', version: '2' }).then(JSON.stringify),
      '{}',
    )
    assert.deepEqual(
      [
        await native('POST', `/model-versions/${failed.id}/transitions`, { to: 'production', reason: 'x' }),
        await native('PUT', '/projects/rain/models/umbrella/aliases/champion', { version: 1, reason: 'x' }),
      ],
      [409, 409],
    )
    assert.match(await call('POST registered-models/rename', { name, new_name: 'rain.x' }), /^400 .*with a gate/)
    assert.match(
      await call('POST registered-models/rename', { name: 'rain.other', new_name: 'x' }),
      /^400 .*keeps it there/,
    )
    assert.match(await call('DELETE registered-models/delete', { name }), /^400 .*has a gate/)
  })

  test(`${engine.name}: a model that a project declares is behind its gate before it has a version of its own`, async t => {
    const { call } = await open(t)
    await call('POST registered-models/create', { name })
    await call('POST model-versions/create', { name, source: 's3://b/m' })

    const answers = [
      await call('POST model-versions/transition-stage', { name, version: '1', stage: 'Production' }),
      await call('POST registered-models/alias', { name, alias: 'champion', version: '1' }),
    ]

    for (const answer of answers) assert.match(answer, /^400 .*has no evaluation, and this model has a gate/)
  })

  test(`${engine.name}: a model that had the name before the project declared it is behind the gate too`, async t => {
    const { call, models } = await open(t)
    const older = { project: 'default', name, fullName: name, said: name }
    await models.create(older, { description: '', tags: {}, actor: 'eve' })
    await call('POST model-versions/create', { name, source: 's3://b/m' })

    const answers = [
      await call('POST model-versions/transition-stage', { name, version: '1', stage: 'Production' }),
      await call('POST registered-models/alias', { name, alias: 'live', version: '1' }),
    ]

    for (const answer of answers) assert.match(answer, /^400 .*has no evaluation, and this model has a gate/)
    assert.deepEqual((await models.get(older)).aliases, {})
  })

  test(`${engine.name}: behind a gate production is held alone, and what stands there is not deleted`, async t => {
    const { call, registry } = await open(t)
    for (let i = 0; i < 2; i++) await registry.register(trained(true), links)
    const to = async (version: string, reason: string) =>
      (await call('POST model-versions/transition-stage', { name, version, stage: 'Production', reason })).model_version

    await to('1', 'first')
    assert.equal((await call('GET registered-models/alias', { name, alias: 'champion' })).model_version.version, '1')
    await call('POST registered-models/alias', { name, alias: 'prod', version: '1', reason: 'same' })
    await to('2', 'better')
    await to('2', 'said again')
    for (const [method, body] of [
      ['POST', { version: '1' }],
      ['DELETE', {}],
    ] as const)
      assert.match(
        await call(`${method} registered-models/alias`, { name, alias: 'champion', ...body }),
        /^400 .*moves with that stage alone/,
      )
    await call('POST registered-models/alias', { name, alias: 'champion', version: '2' })

    const { items } = await registry.versions('rain', 'umbrella', { limit: 9 })
    assert.deepEqual(
      items.map(({ version, stage, transitions }) => [version, stage, transitions.map(({ reason }) => reason)]),
      [
        [2, 'production', ['The gate passed.', 'better']],
        [1, 'archived', ['The gate passed.', 'first', 'Version 2 takes its place.']],
      ],
    )
    const moves = (await registry.aliasMoves('rain', 'umbrella', { limit: 9 })).items
    assert.deepEqual(
      moves.map(({ alias, to, actor, reason, digest }) => [alias, to, actor, reason, digest]),
      [
        ['champion', 2, 'local', 'better', items[0]!.digest],
        ['prod', 1, 'local', 'same', items[1]!.digest],
        ['champion', 1, 'local', 'first', items[1]!.digest],
      ],
    )
    assert.match(await call('DELETE model-versions/delete', { name, version: '2' }), /^400 .*is in production/)
    assert.match(await call('DELETE model-versions/delete', { name, version: '1' }), /^400 .*alias prod/)
  })

  test(`${engine.name}: what another component asks before production holds a version back on every way`, async t => {
    const { call, registry, production } = await open(t)
    const { id } = await registry.register(trained(true), links)
    const asked: string[] = []
    production.guard(async version => {
      asked.push(version.id)
      return async () => {
        throw conflict('Two have to approve.')
      }
    })

    await assert.rejects(registry.transition(id, { to: 'production', actor: 'ada', reason: 'x' }), /Two have to/)
    assert.match(
      await call('POST registered-models/alias', { name, alias: 'champion', version: '1' }),
      /^400 .*Two have to/,
    )
    await call('POST registered-models/alias', { name, alias: 'other', version: '1' })

    assert.deepEqual(asked, [id, id])
    const { registered_model } = await call('GET registered-models/get', { name })
    assert.deepEqual(registered_model.aliases, [{ alias: 'other', version: '1' }])
  })
}
