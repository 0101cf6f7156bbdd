import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { all, experiment, serving } from './mlflow-testing.ts'

const info = {
  run_id: 'r1',
  status: 'KILLED',
  start_time: 3,
  lifecycle_stage: 'deleted',
  artifact_uri: 's3://bucket/r1',
}

test('lists are read to their last page, and an empty page ends none early', async t => {
  const pages: Record<string, unknown> = {
    undefined: { experiments: [{ experiment_id: '1', name: 'a' }], next_page_token: 'b' },
    b: { next_page_token: 'c' },
    c: { experiments: [{ experiment_id: '2', name: 'c', lifecycle_stage: 'deleted', creation_time: 5 }] },
  }
  const { source, asked } = await serving(t, {
    'experiments/search': (_, body) => {
      assert.deepEqual([body['view_type'], body['order_by']], ['ALL', ['creation_time ASC']])
      return pages[String(body['page_token'])]
    },
  })
  assert.deepEqual(await all(source.experiments()), [
    { id: '1', name: 'a', lifecycle: 'active', createdAt: 0, updatedAt: 0, tags: [] },
    { id: '2', name: 'c', lifecycle: 'deleted', createdAt: 5, updatedAt: 5, tags: [] },
  ])
  assert.deepEqual(
    asked.map(({ authorization }) => authorization),
    Array.from({ length: 3 }, () => `Basic ${Buffer.from('ann:s:c').toString('base64')}`),
  )
})

test('a run is read with deleted ones, inputs, outputs and every page of every history', async t => {
  const keys = Array.from({ length: 20 }, (_, index) => `m${index}`)
  const { source } = await serving(t, {
    'runs/search': (_, body) => {
      assert.deepEqual([body['experiment_ids'], body['run_view_type']], [['7'], 'ALL'])
      const dataset = { name: 'd', digest: '1', source_type: 'http', source: '{}' }
      return {
        runs: [
          {
            info,
            data: {
              metrics: keys.map(key => ({ key, value: 1 })),
              tags: [{ key: 'a' }],
              params: [{ key: 'p', value: '1' }],
            },
            inputs: {
              dataset_inputs: [{ dataset, tags: [{ key: 'mlflow.data.context', value: 'x' }] }],
              model_inputs: [{ model_id: 'm-1' }],
            },
            outputs: { model_outputs: [{ model_id: 'm-2', step: 4 }] },
          },
        ],
      }
    },
    'metrics/get-history': query => {
      const key = query.get('metric_key')!
      if (key === 'm3' && !query.has('page_token'))
        return { metrics: [{ key, value: 'NaN', timestamp: 1, step: 0 }], next_page_token: 'n' }
      return { metrics: [{ key, value: 2, timestamp: 2, step: 1 }] }
    },
  })
  const [[run]] = (await all(source.runs(experiment))) as [[never]]
  assert.deepEqual(run, {
    id: 'r1',
    name: '',
    user: '',
    status: 'KILLED',
    lifecycle: 'deleted',
    startedAt: 3,
    params: [{ key: 'p', value: '1' }],
    tags: [{ key: 'a', value: '' }],
    datasets: [
      { name: 'd', digest: '1', sourceType: 'http', source: '{}', tags: [{ key: 'mlflow.data.context', value: 'x' }] },
    ],
    links: [
      { direction: 'input', model: 'm-1', step: 0 },
      { direction: 'output', model: 'm-2', step: 4 },
    ],
  })
  const points = (await all(source.points(run))).flat()
  assert.deepEqual(
    points.filter(({ key }) => key === 'm3'),
    [
      { key: 'm3', value: Number.NaN, timestamp: 1, step: 0 },
      { key: 'm3', value: 2, timestamp: 2, step: 1 },
    ],
  )
  assert.deepEqual(points.map(({ key }) => key).toSorted(), [...keys, 'm3'].toSorted())
})

test('files outside of the proxy are asked for through the server, below each folder', async t => {
  const { source, asked } = await serving(t, {
    'runs/search': () => ({ runs: [{ info }] }),
    'artifacts/list': query =>
      query.has('path')
        ? { files: [{ path: 'a b/ü#.txt', file_size: 5 }] }
        : { files: [{ path: 'a b', is_dir: true }, { path: 'empty' }] },
    '/get-artifact': query => ({ body: `${query.get('run_uuid')} ${query.get('path')}` }),
  })
  const [[run]] = (await all(source.runs(experiment))) as [[never]]
  const files = await all(source.files(run))
  assert.deepEqual(
    files.map(({ path, size }) => [path, size]),
    [
      ['empty', undefined],
      ['a b/ü#.txt', 5],
    ],
  )
  assert.equal(await text(await files[1]!.open()), 'r1 a b/ü#.txt')
  assert.equal(asked.at(-1)!.path, '/get-artifact')
})

test('a server that is busy is asked again; one that refuses is not', async t => {
  let calls = 0
  const { source } = await serving(t, {
    'experiments/search': () => (++calls === 1 ? { status: 503, body: 'busy' } : { experiments: [] }),
    'runs/search': () => ({ status: 401, body: 'no' }),
  })
  assert.deepEqual(await all(source.experiments()), [])
  assert.equal(calls, 2)
  await assert.rejects(all(source.runs(experiment)), { code: 'unauthorized' })
})

test('a server without logged models or without a registry has none', async t => {
  const { source } = await serving(t, {})
  assert.deepEqual(await all(source.loggedModels(experiment)), [])
  assert.deepEqual(await all(source.models()), [])
})

test('what a server says its store has not is not there, and is not asked for again', async t => {
  const { source, asked } = await serving(t, {
    '/api/3.0/mlflow/datasets/search': () => ({ status: 500, body: '{"error_code": "FEATURE_DISABLED"}' }),
  })
  assert.deepEqual(await all(source.evaluationDatasets()), [])
  assert.equal(asked.length, 1)
})

test('prompts are found too, and a model that is listed twice is read once', async t => {
  const { source } = await serving(t, {
    'registered-models/search': query => ({
      registered_models: query.has('filter')
        ? [{ name: "it's" }, { name: 'm' }]
        : [{ name: 'm', aliases: [{ alias: 'a', version: '2' }] }],
    }),
    'model-versions/search': query => ({
      model_versions: query.get('filter')!.includes('"it\'s"')
        ? []
        : [
            { version: '2', run_id: '', source: 's' },
            { version: '1', source: 't', run_id: 'r' },
          ],
    }),
  })
  const models = await all(source.models())
  assert.deepEqual(
    models.map(({ name, aliases, versions }) => [name, aliases, versions.map(({ version, run }) => [version, run])]),
    [
      [
        'm',
        [{ alias: 'a', version: 2 }],
        [
          [1, 'r'],
          [2, undefined],
        ],
      ],
      ["it's", [], []],
    ],
  )
})
