import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { testRegistry } from './registry-testing.ts'

async function open(t: TestContext) {
  const bench = await testRegistry(t)
  await bench.call('POST registered-models/create', { name: 'iris' })
  const create = (source: string, more: object = {}) =>
    bench.call('POST model-versions/create', { name: 'iris', source, ...more })
  return { ...bench, create }
}

const local =
  /^400 INVALID_PARAMETER_VALUE: Invalid model version source: .*To use a local path as a model version source/
const climbs = /^400 INVALID_PARAMETER_VALUE: Invalid model version source: .*If supplying a source as an http, https,/
const foreign = /^400 INVALID_PARAMETER_VALUE: Invalid model version source: .*must identify the resource/

test('paths of a machine are no sources, however they are written', async t => {
  const { create } = await open(t)
  for (const source of [
    '/etc',
    'file:///etc',
    'FILE:/etc',
    '../x',
    'C:\\x',
    'c:/x',
    '\\\\host\\x',
    'model',
    '.',
    '%2e%2e',
  ])
    for (const more of [{}, { run_id: 'r1' }, { model_id: 'm-1' }])
      assert.match(await create(source, more), local, source)
})

test('sources that climb are refused in every encoding', async t => {
  const { create } = await open(t)
  const climbing = [
    'mlflow-artifacts:/0/r1/artifacts/../../x',
    'mlflow-artifacts:/0/r1/artifacts/%2e%2e/x',
    'mlflow-artifacts:/0/r1/artifacts/%252e%252e/x',
    'mlflow-artifacts:/0/r1/artifacts/..%2f..%2fx',
    'mlflow-artifacts:/0/r1/artifacts/x\\..\\y',
    'mlflow-artifacts:/0/r1/artifacts/%00',
    'mlflow-artifacts:/0/r1/artifacts/a;../b',
    'http://example.org/a/../b',
    'https://example.org/?p=../b',
    's3://bucket/a/../b',
    'runs:/r1/../x',
    `s3://%${'25'.repeat(12)}41`,
  ]
  for (const source of climbing) assert.match(await create(source, { run_id: 'r1' }), climbs, source)
})

test('what is in the artifact proxy must be of the run or model that is named, and readable', async t => {
  const { create } = await open(t)
  const refused: [string, object][] = [
    ['mlflow-artifacts:/0/r1/artifacts/model', {}],
    ['mlflow-artifacts:/0/x/artifacts/model', { run_id: 'r1' }],
    ['mlflow-artifacts:/0/r1/artifactsandmore', { run_id: 'r1' }],
    ['mlflow-artifacts:/0/r1/artifacts/model', { run_id: 'unknown' }],
    ['mlflow-artifacts:/0/r1/artifacts/model', { model_id: 'm-1' }],
    ['mlflow-artifacts:/9/r2/artifacts/model', { run_id: 'r2' }],
    ['mlflow-artifacts://elsewhere:80/0/r1/artifacts/model', { run_id: 'r1' }],
    ['http://host/api/2.0/mlflow-artifacts/artifacts/0/r1/artifacts/model', { run_id: 'r1' }],
    ['runs:/r2/model', {}],
    ['runs:/r3/model', {}],
    ['models:/closed/1', {}],
    ['runs:/r1/model', { run_id: 'other' }],
    ['models:/m-2', {}],
    ['models:/m-1', { model_id: 'm-2' }],
    ['models://host/m-1', {}],
    ['models:/', {}],
  ]
  for (const [source, more] of refused) assert.match(await create(source, more), foreign, source)
  assert.match(await create(''), /Missing value for required parameter 'source'/)
})

test('a source elsewhere is kept as it was said', async t => {
  const { create } = await open(t)
  for (const source of ['s3://bucket/model', 'dbfs:/m', 'https://example.org/m', 's3://bucket/a%2520b']) {
    const { model_version } = await create(source)
    assert.deepEqual([model_version.source, model_version.run_id], [source, ''])
  }
})

test('a version holds the files that its source had, whatever becomes of the source', async t => {
  const { blobs, call, create, files, registry } = await open(t)
  const put = async (path: string, text: string) => ({ path, ...(await blobs.put(text)) })
  const path = '0/models/m-1/artifacts'
  files[path] = [
    await put('MLmodel', 'flavors:\n  python_function: {}\n  sklearn: {}\n'),
    await put('model.pkl', 'one'),
  ]

  const { model_version } = await create('models:/m-1', { model_id: 'm-1' })
  files[path] = [await put('model.pkl', 'two')]

  const [version] = (await registry.versions('default', 'iris', { limit: 1 })).items
  const tree = await registry.files(version!.id)
  assert.deepEqual(
    [model_version.run_id, version?.flavor, version?.content, version?.bytes, version?.loggedModel],
    ['r1', 'sklearn', 'folder', 48, 'm-1'],
  )
  assert.deepEqual(
    [Object.keys(tree), (await blobs.bytes(tree['model.pkl']!.digest)).toString()],
    [['MLmodel', 'model.pkl'], 'one'],
  )
  assert.deepEqual(await call('GET model-versions/get-download-uri', { name: 'iris', version: '1' }), {
    artifact_uri: `mlflow-artifacts:/model-versions/${version!.id}`,
  })
})

test('a version is copied by number, stage, alias and latest, as what it is', async t => {
  const { blobs, call, create, files, registry } = await open(t)
  files['0/r1/artifacts/model'] = [{ path: 'model.pkl', ...(await blobs.put('x')) }]
  await create('runs:/r1/model')
  await call('POST registered-models/alias', { name: 'iris', alias: 'best', version: '1' })
  await call('POST model-versions/transition-stage', { name: 'iris', version: '1', stage: 'Staging' })
  await call('POST registered-models/create', { name: 'copy' })

  const sources: string[] = []
  for (const which of ['/1', '/Staging', '/latest', '@best']) {
    const { model_version } = await call('POST model-versions/create', { name: 'copy', source: `models:/iris${which}` })
    sources.push(model_version.source)
  }

  const { items } = await registry.versions('default', 'copy', { limit: 9 })
  const [original] = (await registry.versions('default', 'iris', { limit: 1 })).items
  assert.deepEqual(
    sources,
    Array.from({ length: 4 }, () => 'models:/iris/1'),
  )
  assert.deepEqual(
    items.map(({ digest, trackingRun }) => [digest, trackingRun]),
    items.map(() => [original!.digest, 'r1']),
  )
  const copy = (source: string, more: object = {}) =>
    call('POST model-versions/create', { name: 'copy', source, ...more })
  assert.match(await copy('models:/iris/9'), /^404 .*Model Version \(name=iris, version=9\) not found/)
  assert.match(await copy('models:/iris/1', { run_id: 'other' }), /^400 .*must match the referenced/)
})

test('a prompt has one of the placeholders for a source, and is no source itself', async t => {
  const { call, create } = await open(t)
  await call('POST registered-models/create', { name: 'p', tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] })
  const prompt = (source: string) => call('POST model-versions/create', { name: 'p', source })

  assert.equal((await prompt('prompt-template')).model_version.version, '1')
  for (const source of ['/etc', 's3://b/m', 'runs:/r1/x']) assert.match(await prompt(source), /^400 .*placeholder/)
  assert.match(await create('models:/p/1'), /^400 .*Prompt versions cannot be used/)
})
